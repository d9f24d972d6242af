/** Decimal arithmetic without binary rounding: 0.1 + 0.2 is 0.3. A value is `digits` × 10^-`scale`. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** A quotient has this many decimals. */
const divisionScale = 16;

export function decimal(value: number): Decimal {
  if (!Number.isFinite(value)) throw new Error('Cannot create a Decimal from NaN or infinity');
  const [mantissa = '0', exponentText = '0'] = value.toExponential().split('e');
  const decimals = mantissa.split('.')[1]?.length ?? 0;
  const exponent = Number(exponentText) - decimals;
  const digits = BigInt(mantissa.replace('.', ''));
  return exponent >= 0
    ? { digits: digits * 10n ** BigInt(exponent), scale: 0 }
    : { digits, scale: -exponent };
}

export function toNumber({ digits, scale }: Decimal): number {
  return Number(`${digits}e${-scale}`);
}

export function plus(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  return { digits: scaled(left, scale) + scaled(right, scale), scale };
}

export function minus(left: Decimal, right: Decimal): Decimal {
  return plus(left, { digits: -right.digits, scale: right.scale });
}

export function times(left: Decimal, right: Decimal): Decimal {
  return { digits: left.digits * right.digits, scale: left.scale + right.scale };
}

/** Rounded half away from zero. Throws for a division by zero. */
export function over(left: Decimal, right: Decimal): Decimal {
  if (right.digits === 0n) throw new Error('decimal division by 0');
  const scale = Math.max(left.scale, right.scale);
  const dividend = scaled(left, scale) * 10n ** BigInt(divisionScale);
  const divisor = scaled(right, scale);
  const quotient = dividend / divisor;
  const rest = dividend % divisor;
  const away = absolute(rest) * 2n >= absolute(divisor);
  const sign = dividend < 0n === divisor < 0n ? 1n : -1n;
  return { digits: away ? quotient + sign : quotient, scale: divisionScale };
}

function scaled(value: Decimal, scale: number): bigint {
  return value.digits * 10n ** BigInt(scale - value.scale);
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}
