/** Writes docs/registers.md anew: `npx tsx scripts/register-document.ts`. */
import { writeFileSync } from 'node:fs';
import { REGISTER_DOCUMENT, registerDocument } from './register-tables.ts';

writeFileSync(REGISTER_DOCUMENT, registerDocument());
