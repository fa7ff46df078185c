/** Command lines with -fw_cfg and -overcommit that QEMU refuses, a line each. */
const BARE = '-display none -S -nodefaults';
/** Refused for another reason, after all that is before it was taken. */
const END = '-device foo';
const longest = 'o'.repeat(55);

export const FIRMWARE_LINES: readonly string[] = `
${BARE} -fw_cfg
${BARE} -fw_cfg ''
${BARE} -fw_cfg help
${BARE} -fw_cfg foo
${BARE} -fw_cfg foo -M foo
${BARE} -fw_cfg foo=1 -M foo
${BARE} -fw_cfg name=opt/a
${BARE} -fw_cfg name=opt/a,string=
${BARE} -fw_cfg name=opt/a,file=
${BARE} -fw_cfg name=,string=x
${BARE} -fw_cfg string=x
${BARE} -fw_cfg name=opt/a,string=x,file=text
${BARE} -fw_cfg name=opt/a,string=x,gen_id=x
${BARE} -fw_cfg name=opt/a,foo=y
${BARE} -fw_cfg name=opt/a,string=x ${END}
${BARE} -fw_cfg opt/a,string=x,,y,id=z ${END}
${BARE} -fw_cfg opt/a,string ${END}
${BARE} -fw_cfg name=opt/a,file=text ${END}
${BARE} -fw_cfg name=opt/a,file=empty ${END}
${BARE} -fw_cfg name=opt/a,file=missing
${BARE} -fw_cfg name=opt/a,file=folder
${BARE} -fw_cfg name=opt/a,file=text/x
${BARE} -fw_cfg name=a,file=missing
${BARE} -fw_cfg name=etc/foo,string=x ${END}
${BARE} -fw_cfg name=opt/a,gen_id=x
${BARE} -fw_cfg name=foo,gen_id=x
${BARE} -object rng-builtin,id=x -fw_cfg name=opt/a,gen_id=x
${BARE} -fw_cfg name=opt/a,string=x -fw_cfg name=opt/a,string=y
${BARE} -fw_cfg name=opt/a,string=x -fw_cfg name=opt/b,string=x -fw_cfg name=opt/a,file=missing
${BARE} -fw_cfg name=${longest},string=x ${END}
${BARE} -fw_cfg name=${longest}o,string=x
${BARE} -fw_cfg name=${longest}o,file=missing
${BARE} -fw_cfg name=etc/e820,string=x
${BARE} -fw_cfg name=etc/boot-fail-wait,string=x
${BARE} -fw_cfg name=bootorder,string=x ${END}
${BARE} -M none -fw_cfg name=opt/a,string=x
${BARE} -M none -fw_cfg foo
${BARE} -fw_cfg name=etc/pvpanic-port,string=x -device pvpanic
${BARE} -overcommit
${BARE} -overcommit ''  ${END}
${BARE} -overcommit foo
${BARE} -overcommit foo=1 -M foo
${BARE} -overcommit mem-lock=x
${BARE} -overcommit cpu-pm=x -M foo
${BARE} -overcommit cpu-pm=on,foo=x
${BARE} -overcommit mem-lock=off,cpu-pm=on,id=x ${END}
${BARE} -overcommit cpu-pm ${END}
${BARE} -overcommit mem-lock=off -overcommit mem-lock=2
`
  .trim()
  .split('\n')
  .map((line) => line.replace('  ', ' '));
