import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { maySkip } from '../../../runner/testing/needs.ts';

/** A key and its self-signed certificate, both PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/**
 * Makes a certificate for localhost that nobody trusts. Node cannot make one: without `openssl` the result is `undefined`,
 * or the test fails if it may not be skipped.
 */
export async function makeCertificate(): Promise<Certificate | undefined> {
  const directory = await mkdtemp(path.join(tmpdir(), 'awsiam-certificate-'));
  const keyFile = path.join(directory, 'key.pem');
  const certFile = path.join(directory, 'cert.pem');
  try {
    const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
    const options = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext ${names}`.split(' ');
    await promisify(execFile)('openssl', options.concat('-keyout', keyFile, '-out', certFile));
    return { key: await readFile(keyFile, 'utf8'), cert: await readFile(certFile, 'utf8') };
  } catch (error) {
    if (maySkip && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    await rm(directory, { recursive: true });
  }
}
