/** Instructions with an EVEX prefix that names the map 0F 3A. Spec: Intel SDM vol. 2 §5. The text is explained in `table.ts` and `evex.ts`. */
import { OpcodeMap } from './table.ts';

export const EVEX_MAP_0F3A = new OpcodeMap(`
  00 66 w l2 n64 vpermq Ib,Wl,Vl
  01 66 w l2 n64 vpermpd Ib,Wl,Vl
  03 66 w0 l2 n64 valignd Ib,M,Hl,Vl
  03 66 w0 l2 k z valignd Ib,Ul,Hl,Vl
  03 66 w l2 n64 valignq Ib,M,Hl,Vl
  03 66 w l2 k z valignq Ib,Ul,Hl,Vl
  04 66 w0 l2 n64 vpermilps Ib,Wl,Vl
  05 66 w l2 n64 vpermilpd Ib,Wl,Vl
  08 66 w0 l2 n64 vrndscaleps Ib,Wl,Vl
  09 66 w l2 n64 vrndscalepd Ib,Wl,Vl
  0a 66 w0 l0 k n4 z saed vrndscaless Ib,Wl,Hl,Vl
  0a 66 w l01 n4 vrndscaless Ib,Wx,Hx,Vx
  0b 66 w l0 k n8 z saed vrndscalesd Ib,Wl,Hl,Vl
  17 66 w0 l0 n4 vextractps Ib,Vl,Ed
  17 66 w l01 n4 vextractps Ib,Vx,Ed
  18 66 w0 l2 n16 vinsertf32x4 Ib,Wx,Hl,Vl
  18 66 w l2 n16 vinsertf64x2 Ib,Wx,Hl,Vl
  19 66 w0 l2 n16 vextractf32x4 Ib,Vl,M
  19 66 w0 l2 k z vextractf32x4 Ib,Vl,Ux
  1a 66 w0 l2 n32 vinsertf32x8 Ib,Wh,Hl,Vl
  1a 66 w l2 n32 vinsertf64x4 Ib,Wh,Hl,Vl
  1b 66 w l2 n32 vextractf64x4 Ib,Vl,M
  1b 66 w l2 k z vextractf64x4 Ib,Vl,Uh
  1d 66 w0 l2 n32 vcvtps2ph Ib,Vl,Wh
  1e 66 w0 l12 b4 k nf vpcmp*ud Wl,Hl,Kg
  1e 66 w l2 b8 k n64 vpcmp*uq Wl,Hl,Kg
  1f 66 w0 l12 b4 k nf vpcmp*d Wl,Hl,Kg
  1f 66 w l2 b8 k n64 vpcmp*q Wl,Hl,Kg
  21 66 w0 l0 n4 vinsertps Ib,Wl,Hl,Vl
  21 66 w l01 n4 vinsertps Ib,Wx,Hx,Vx
  38 66 w0 l2 n16 vinserti32x4 Ib,Wx,Hl,Vl
  38 66 w l2 n16 vinserti64x2 Ib,Wx,Hl,Vl
  39 66 w0 l2 n16 vextracti32x4 Ib,Vl,M
  39 66 w0 l2 k z vextracti32x4 Ib,Vl,Ux
  3a 66 w0 l2 n32 vinserti32x8 Ib,Wh,Hl,Vl
  3a 66 w l2 n32 vinserti64x4 Ib,Wh,Hl,Vl
  3b 66 w l2 n32 vextracti64x4 Ib,Vl,M
  3b 66 w l2 k z vextracti64x4 Ib,Vl,Uh
  3e 66 w0 l0 k n16 vpcmp*ub Wl,Hl,Kg
  3e 66 w l01 k nf vpcmp*uw Wl,Hl,Kg
  3f 66 w0 l0 k n16 vpcmp*b Wl,Hl,Kg
  3f 66 w l01 k nf vpcmp*w Wl,Hl,Kg
`);
