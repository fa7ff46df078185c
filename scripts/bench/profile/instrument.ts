/** The interpreter's text with counters in it: kinds of records, pairs of kinds, and every call that leaves the hot path. */
import { ENVIRONMENT, generateInterpreter } from '../../../src/emu/cpu/interp/generate.ts';

const OPENING = 'export function createInterpreter(env) {';
const DISPATCH = 'for(;;){switch(C[p]){';

/** The module's text; the counters are at `globalThis.hotslotProfile` (see counters.ts). */
export function instrumentedInterpreter(): string {
  const text = generateInterpreter();
  if (!text.includes(OPENING) || !text.includes(DISPATCH))
    throw new Error('the interpreter has another form now');
  const calls = ENVIRONMENT.filter((name) => /^[a-z]/.test(name));
  return text
    .replace(
      OPENING,
      `export function createInterpreter(bare) {
const {kinds:K,pairs:P,records:N,calls,helpers,sse:sseCounts}=globalThis.hotslotProfile;
let last=0;
const env={...bare};
for(const name of ${JSON.stringify(calls)}){
 const call=bare[name];
 env[name]=(...args)=>{const answer=call(...args);const c=calls[name]??=[0,0];c[0]++;if(answer===0)c[1]++;return answer;};
}
for(const name of ['helper','helperEnd']){
 const call=bare[name];
 env[name]=(p)=>{helpers[bare.C[p+1]]=(helpers[bare.C[p+1]]??0)+1;return call(p);};
}
{const call=bare.sse;env.sse=(p)=>{sseCounts[bare.C[p+1]]=(sseCounts[bare.C[p+1]]??0)+1;return call(p);};}`,
    )
    .replace(DISPATCH, 'for(;;){{const k=C[p];K[k]++;P[last*N+k]++;last=k;}switch(C[p]){');
}
