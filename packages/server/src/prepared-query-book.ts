import {
  PreparedQueries,
  type PreparedQuery,
  preparedQueryApiVersion,
} from '@portolan/core/catalog/prepared-query.ts';
import { type CompileGroups, renderPreparedQuery } from '@portolan/core/catalog/prepared-query-template.ts';
import { type CatalogReader, topicOf } from '@portolan/core/catalog/reader.ts';
import { linearGroups } from './linear-regex.ts';

/** The prepared queries of the catalog, ready to be asked; read anew only when one of them has changed. */
export class PreparedQueryBook {
  readonly #catalog: () => CatalogReader;
  #index = -1;
  #queries = new PreparedQueries([]);
  readonly #compiled = new Map<string, ReturnType<CompileGroups>>();

  constructor(catalog: () => CatalogReader) {
    this.#catalog = catalog;
  }

  get queries(): PreparedQueries {
    const catalog = this.#catalog();
    const index = catalog.indexOf(topicOf.rulesOf(preparedQueryApiVersion));
    if (index !== this.#index) {
      this.#queries = new PreparedQueries(catalog.rules(preparedQueryApiVersion));
      this.#compiled.clear();
      this.#index = index;
    }
    return this.#queries;
  }

  /** The query that answers to an id or a name, with its template put in. */
  resolve(idOrName: string): PreparedQuery | undefined {
    const found = this.queries.find(idOrName);
    return found === undefined ? undefined : renderPreparedQuery(found, (pattern) => this.#compile(pattern));
  }

  /** There are no more of them than queries. */
  #compile(pattern: string): ReturnType<CompileGroups> {
    const compiled = this.#compiled.get(pattern) ?? linearGroups(pattern);
    this.#compiled.set(pattern, compiled);
    return compiled;
  }
}
