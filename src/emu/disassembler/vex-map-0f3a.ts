/** Instructions with a VEX prefix that names the map 0F 3A. Spec: Intel SDM vol. 2 appendix A. The text is explained in `table.ts`. */
import { OpcodeMap } from './table.ts';

export const VEX_MAP_0F3A = new OpcodeMap(`
  00 66 l w vpermq Ib,Wt,Vt
  01 66 l w vpermpd Ib,Wt,Vt
  02 66 vpblendd Ib,Wl,Hl,Vl
  04 66 vpermilps Ib,Wl,Vl
  05 66 vpermilpd Ib,Wl,Vl
  06 66 l vperm2f128 Ib,Wt,Ht,Vt
  08 66 vroundps Ib,Wl,Vl
  09 66 vroundpd Ib,Wl,Vl
  0a 66 vroundss Ib,Wx,Hx,Vx
  0b 66 vroundsd Ib,Wx,Hx,Vx
  0c 66 vblendps Ib,Wl,Hl,Vl
  0d 66 vblendpd Ib,Wl,Hl,Vl
  0e 66 vpblendw Ib,Wl,Hl,Vl
  0f 66 vpalignr Ib,Wl,Hl,Vl
  14 66 l0 vpextrb Ib,Vx,Ed
  15 66 l0 vpextrw Ib,Vx,Ed
  16 66 l0 w0 vpextrd Ib,Vx,Ed
  16 66 l0 w vpextrq Ib,Vx,Eq
  17 66 l0 vextractps Ib,Vx,Ed
  18 66 l vinsertf128 Ib,Wx,Ht,Vt
  19 66 l vextractf128 Ib,Vt,Wx
  1d 66 vcvtps2ph Ib,Vl,Wx
  20 66 l0 vpinsrb Ib,Ed,Hx,Vx
  21 66 l0 vinsertps Ib,Wx,Hx,Vx
  22 66 l0 w0 vpinsrd Ib,Ed,Hx,Vx
  22 66 l0 w vpinsrq Ib,Eq,Hx,Vx
  30 66 l0 w0 kshiftrb Ib,Kr,Kg
  30 66 l0 w kshiftrw Ib,Kr,Kg
  32 66 l0 w0 kshiftlb Ib,Kr,Kg
  32 66 l0 w kshiftlw Ib,Kr,Kg
  38 66 l vinserti128 Ib,Wx,Ht,Vt
  39 66 l vextracti128 Ib,Vt,Wx
  40 66 vdpps Ib,Wl,Hl,Vl
  41 66 l0 vdppd Ib,Wx,Hx,Vx
  42 66 vmpsadbw Ib,Wl,Hl,Vl
  44 66 l0 vpclmulqdq Ib,Wx,Hx,Vx
  46 66 l vperm2i128 Ib,Wt,Ht,Vt
  48 66 w0 vpermil2ps In,Ll,M,Hl,Vl
  48 66 w vpermil2ps In,M,Ll,Hl,Vl
  48 66 vpermil2ps In,Ll,Ul,Hl,Vl
  49 66 w0 vpermil2pd In,Ll,M,Hl,Vl
  49 66 w vpermil2pd In,M,Ll,Hl,Vl
  49 66 vpermil2pd In,Ll,Ul,Hl,Vl
  4a 66 vblendvps Ll,Wl,Hl,Vl
  4b 66 vblendvpd Ll,Wl,Hl,Vl
  4c 66 vpblendvb Ll,Wl,Hl,Vl
  5c 66 w0 vfmaddsubps Ll,Wl,Hl,Vl
  5c 66 w vfmaddsubps Wl,Ll,Hl,Vl
  5d 66 w0 vfmaddsubpd Ll,Wl,Hl,Vl
  5d 66 w vfmaddsubpd Wl,Ll,Hl,Vl
  5e 66 w0 vfmsubaddps Ll,Wl,Hl,Vl
  5e 66 w vfmsubaddps Wl,Ll,Hl,Vl
  5f 66 w0 vfmsubaddpd Ll,Wl,Hl,Vl
  5f 66 w vfmsubaddpd Wl,Ll,Hl,Vl
  60 66 l0 vpcmpestrm Ib,Wx,Vx
  61 66 l0 vpcmpestri Ib,Wx,Vx
  62 66 l0 vpcmpistrm Ib,Wx,Vx
  63 66 l0 vpcmpistri Ib,Wx,Vx
  68 66 w0 vfmaddps Ll,Wl,Hl,Vl
  68 66 w vfmaddps Wl,Ll,Hl,Vl
  69 66 w0 vfmaddpd Ll,Wl,Hl,Vl
  69 66 w vfmaddpd Wl,Ll,Hl,Vl
  6a 66 w0 vfmaddss Lx,Wx,Hx,Vx
  6a 66 w vfmaddss Wx,Lx,Hx,Vx
  6b 66 w0 vfmaddsd Lx,Wx,Hx,Vx
  6b 66 w vfmaddsd Wx,Lx,Hx,Vx
  6c 66 w0 vfmsubps Ll,Wl,Hl,Vl
  6c 66 w vfmsubps Wl,Ll,Hl,Vl
  6d 66 w0 vfmsubpd Ll,Wl,Hl,Vl
  6d 66 w vfmsubpd Wl,Ll,Hl,Vl
  6e 66 w0 vfmsubss Lx,Wx,Hx,Vx
  6e 66 w vfmsubss Wx,Lx,Hx,Vx
  6f 66 w0 vfmsubsd Lx,Wx,Hx,Vx
  6f 66 w vfmsubsd Wx,Lx,Hx,Vx
  78 66 w0 vfnmaddps Ll,Wl,Hl,Vl
  78 66 w vfnmaddps Wl,Ll,Hl,Vl
  79 66 w0 vfnmaddpd Ll,Wl,Hl,Vl
  79 66 w vfnmaddpd Wl,Ll,Hl,Vl
  7a 66 w0 vfnmaddss Lx,Wx,Hx,Vx
  7a 66 w vfnmaddss Wx,Lx,Hx,Vx
  7b 66 w0 vfnmaddsd Lx,Wx,Hx,Vx
  7b 66 w vfnmaddsd Wx,Lx,Hx,Vx
  7c 66 w0 vfnmsubps Ll,Wl,Hl,Vl
  7c 66 w vfnmsubps Wl,Ll,Hl,Vl
  7d 66 w0 vfnmsubpd Ll,Wl,Hl,Vl
  7d 66 w vfnmsubpd Wl,Ll,Hl,Vl
  7e 66 w0 vfnmsubss Lx,Wx,Hx,Vx
  7e 66 w vfnmsubss Wx,Lx,Hx,Vx
  7f 66 w0 vfnmsubsd Lx,Wx,Hx,Vx
  7f 66 w vfnmsubsd Wx,Lx,Hx,Vx
  df 66 l0 vaeskeygenassist Ib,Wx,Vx
  f0 f2 l0 rorx' Is,Ey,Gy
`);
