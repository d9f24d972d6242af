import { appendFileSync, chmodSync, chownSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';
import type { FileRequest } from '../functions/write-to-file.ts';
import { ownerOf } from './accounts.ts';
import { currentText, writeWhole } from './file-writer.ts';

/**
 * Writes what templates asked for by `writeToFile`, whole as every other file; one that has that content already is left alone.
 * Symbolic links are not written through. Throws a `Fault`.
 */
export function writeRequested(request: FileRequest): void {
  refuseLink(request.path);
  refuseLink(dirname(request.path));
  const owner = ownerOf(request.user, request.group);
  if (request.append) {
    append(request, owner);
    return;
  }
  if (currentText(request.path) === request.content) return;
  writeWhole(request.path, request.content, {
    mode: request.mode,
    createFolders: true,
    backup: false,
    owner,
  });
}

function append(request: FileRequest, owner: ReturnType<typeof ownerOf>): void {
  appendFileSync(request.path, request.content, { mode: request.mode });
  chmodSync(request.path, request.mode);
  if (owner === undefined) return;
  const now = lstatSync(request.path);
  chownSync(request.path, owner.uid ?? now.uid, owner.gid ?? now.gid);
}

function refuseLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
    throw new Fault('invalid', `writeToFile: ${path} is a symbolic link`);
}
