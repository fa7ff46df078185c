/** Of which machines the first processor was asked for all its properties. */
import { MODEL_NAMES } from '../../../src/emu/cpu/models/cpu-models.ts';

const OPTIONS = [
  '486,arat=on',
  '486,svm=on,npt=on',
  '486,intel-pt=on,intel-pt-lip=on',
  '486,sgx=on,sgx1=on',
  '486,avx-vnni=on',
  '486,avx-vnni=on,level-func7=4',
  '486,min-level=9,min-xlevel=0x80000005,min-xlevel2=0xc0000003',
  '486,level=2,arat=on,fsgsbase=on',
  '486,xlevel=0x80000002,3dnow=on,sse4a=on,invtsc=on,npt=on,svm=on',
  '486,xlevel2=0xC0000002,xstore=on',
  'phenom,xstore=on,xsaveopt=on',
  'pentium,-fpu,+fpu,-mce,mce=on,+cx8,cx8=off,+sse4_1,sse4_2=on',
  'qemu64,pmu=on,lmce=on,kvm=off,+hv-relaxed,hv-spinlocks=0x1fff,hv-vendor-id=abc,hv-version-id-major=7',
  'qemu64,tsc-frequency=1000000000,ucode-rev=5,x-hv-max-vps=-3,host-phys-bits-limit=40,lbr-fmt=0',
  'qemu64,l3-cache=off,tcg-cpuid=off,cpuid-0xb=off,-check,hv-no-nonarch-coresharing=auto,+kvmclock',
  'qemu64,vendor=GenuineIntel,family=31,model=77,stepping=2,model-id=Another',
  'qemu64,phys-bits=40,fill-mtrr-mask=off,start-powered-off=on,x-migrate-smi-count=off',
  'max,migratable=off,host-cache-info=on,-mmx,+invtsc',
];

const VERSIONS = [
  '7.1',
  '6.2',
  '6.1',
  '6.0',
  '4.0',
  '3.1',
  '3.0',
  '2.12',
  '2.11',
  '2.10',
  '2.9',
  '2.8',
  '2.7',
];

/** Command lines, blanks between the words. */
export const OBJECT_CASES: readonly string[] = [
  ...MODEL_NAMES.filter((model) => !/-v\d+$/.test(model)).map((model) => `-cpu ${model}`),
  ...OPTIONS.map((options) => `-cpu ${options}`),
  ...['qemu64', '486,arat=on,xstore=on,svm=on', '486,fsgsbase=on,level-func7=2'].flatMap((cpu) =>
    VERSIONS.map((version) => `-machine pc-i440fx-${version} -cpu ${cpu}`),
  ),
  '-cpu 486 -smp 4,sockets=1,dies=2,cores=2,threads=1',
  '-cpu qemu64 -smp 4,sockets=1,dies=2,cores=2,threads=1',
];
