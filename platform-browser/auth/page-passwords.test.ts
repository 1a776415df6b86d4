import { expect, it } from 'vitest';
import { pagePasswords } from './page-passwords.ts';

/** security.md §1. */
const KNOWN = '$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$0AuQxA+RjPiJeA19Op7DwrFxnfh9xeTU2T6mFj2wThc';

it('pagePasswords hashes and verifies in turn, and refuses the 65th with 503', async () => {
  const { hash, verify } = pagePasswords();
  expect(await verify('correct horse', await hash('correct horse'))).toBe('right');
  expect(await verify('correct horse', 'broken')).toBe('wrong');
  const answers = await Promise.allSettled(
    Array.from({ length: 66 }, (_, at) => verify(at === 0 ? 'correct horse' : '', KNOWN)),
  );
  const results = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.code));
  expect(results).toEqual(['right', ...new Array(63).fill('wrong'), 503, 503]);
}, 120_000);
