/** Command lines that QEMU refuses and that we refuse in the same words, and the files that they name. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONFIG_FILES, CONFIG_LINES } from './cli-cases-config.ts';
import { FIRMWARE_LINES } from './cli-cases-firmware.ts';
import { FLASH_LINES } from './cli-cases-flash.ts';
import { FLOPPY_LINES } from './cli-cases-floppy.ts';
import { LOG_LINES } from './cli-cases-log.ts';
import { MACHINE_LINES } from './cli-cases-machine.ts';
import { NUMA_LINES } from './cli-cases-numa.ts';

const LINES = `
-foo
--foo
-S -foo
-version -foo
-m foo -bar
-kernel
-m
-accel
-action panic=foo
-action foo=bar
-action panic
-action reboot=x,foo=1
-action =x
-action panic=none,id=x
-action panic=none,foo
-machine foo
-M foo
-machine type=foo,accel=tcg
-machine pc,foo=1
-machine usb=foo
-machine smm=x
-machine nvdimm=x
-bios missing
-global PIIX4_PM
-global PIIX4_PM.x
-global x=1
-global driver=PIIX4_PM
-global driver=PIIX4_PM,property=foo,value=off -display none
-global PIIX4_PM.foo=on -display none
-global PIIX4_PM.acpi-root-pci-hotplug=x -display none
-global hpet.foo=1 -display none
-device pci-bridge -display none
-device pci-bridge,chassis_nr=300 -display none
-device pci-bridge,id=b,chassis_nr=1 -device virtio-rng-pci,bus=c -display none
-device pci-bridge,id=b,chassis_nr=1,addr=5.1 -device virtio-rng-pci,addr=5 -display none
-global PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off -device pci-bridge,id=b,chassis_nr=1 -device virtio-rng-pci,bus=b,addr=0 -display none
-machine firmware=missing
-machine x-oem-id=TOOLONG
-machine x-oem-table-id=123456789
-machine none,smm=off
-machine pc,accel=foo
-machine pc,accel=tcg -accel tcg -display none
-cpu foo -display none
-cpu qemu64,+foo -display none
-cpu qemu64,-foo -display none
-cpu qemu64,foo=on -display none
-cpu nehalem -display none
-cpu IvyBridge-IBRS,+foo -display none
-cpu qemu64,sse3=maybe -display none
-cpu qemu64,vendor=abc -display none
-cpu qemu64,model=300 -display none
-cpu qemu64,family -display none
-cpu qemu64,level=foo -display none
-cpu qemu64,level=5000000000 -display none
-cpu qemu64,core-id=1 -display none
-cpu qemu64,die-id=3 -smp 2 -display none
-cpu qemu64,node-id=1 -display none
-cpu 486,phys-bits=32 -display none
-cpu qemu64,phys-bits=60 -display none
-cpu qemu64,lbr-fmt=0x40 -display none
-cpu qemu64,legacy-cache=off -display none
-cpu qemu64,feature-words=x -display none
-cpu qemu64,hv-version-id-major=70000 -display none
-cpu qemu64,tsc-frequency=-5 -display none
-cpu qemu64,+level -display none
-cpu qemu64,host-cache-info=on -display none
-machine none -cpu qemu64 -display none
-cpu qemu64,+x2apic,enforce -display none
-cpu Nehalem-IBRS,+x2apic,enforce -display none
-cpu qemu64,+popcnt,popcnt=off,+x2apic,enforce -display none
-cpu Nehalem -device qemu64-x86_64-cpu -display none -smp 1,maxcpus=2 -nodefaults -S
-M pc-i440fx-2.7,foo=1
-M pc-i440fx-8.0
-M pc-i440fx-6.1 -smp 3,maxcpus=4,sockets=3
-M pc-i440fx-6.1 -smp 1,maxcpus=2 -device qemu64-x86_64-cpu,socket-id=0,core-id=1,thread-id=0 -display none -nodefaults -S
-smp 1,maxcpus=2 -device qemu64-x86_64-cpu,socket-id=1,core-id=0,thread-id=0 -display none -nodefaults -S
-m foo
-m -5
-m 12x
-m size=foo
-m 100,slots=2
-m foo=3
-m 128,maxmem=64
-m 256,slots=4,maxmem=256M -display none
-cpu kvm64,+x2apic -smp 1,maxcpus=2,sockets=2,cores=1,threads=1 -device kvm64-x86_64-cpu,socket-id=1,core-id=0,thread-id=0 -device nosuch -nodefaults -display none -S
-m 256,slots=257,maxmem=1G -nodefaults -display none -S
-m 256,slots=-1,maxmem=1G -nodefaults -display none -S
-m 256,slots=-18446744073709551616,maxmem=1G
-m 256,slots=0401,maxmem=1G -nodefaults -display none -S
-m 256,slots=257,maxmem=128M -nodefaults -display none -S
-m slots=-1
-m 256,slots=4,maxmem=1000000000 -nodefaults -display none -S
-m 256,slots=4,maxmem=2T -nodefaults -display none -S
-m 256,maxmem=2T -nodefaults -display none -S
-m 256,slots=4,maxmem=1020G -cpu Opteron_G1,check=off -nodefaults -display none -S
-m 256,slots=4,maxmem=1020G -M pc-i440fx-7.0 -nodefaults -display none -S
-m 256,slots=4,maxmem=1020G -cpu IvyBridge,check=off -nodefaults -display none -S
-m 256,slots=x,maxmem=1G
-m 256,slots=1.5,maxmem=1G
-m 256,slots=18446744073709551616,maxmem=1G
-m 256,slots=18446744073709551615,maxmem=1G -nodefaults -display none -S
-m 20000000000000000000
-m 128,128
-m size=128,mem=128
-smp foo
-smp cpus=1,foo=2
-smp cores=2,maxcpus=3
-smp 2,clusters=2 -display none -S
-smp 3,maxcpus=4,sockets=3
-smp cpus=2 -smp maxcpus=1
-smp 2 -M pc,smp.maxcpus=1
-smp 2,cpus=x
-smp 99999999999999999999
-smp 4,maxcpus=2
-smp 8,sockets=2,cores=2,threads=1
-accel foo -display none
-accel tcg,foo=1 -display none
-icount foo -display none
-icount shift=99 -display none
-icount 11 -display none
-icount shift=-1 -display none
-icount shift=0,foo=1 -display none
-icount shift=3,sleep=foo -display none
-icount shift=5,align=on,sleep=off -display none
-icount rr=record,rrfile=a -display none
-rtc base=foo -display none
-rtc foo=1 -display none
-boot z -display none
-boot aa -display none
-boot abcn -display none
-boot once=y -display none
-boot menu=maybe -display none
-boot splash-time=x -display none
-boot splash-time=70000 -display none
-boot reboot-timeout=-2 -display none
-boot foo=1 -display none
-uuid x -display none
-uuid 4600cb32-38ec-4b2f-8acb-81c6ea54f2d -display none
-M none -smp 2 -display none
-M none,acpi=on -display none
-M none -device virtio-rng-pci -display none
-M none -s -S -display none
-M none -kernel nothing -display none
-qtest foo -display none -S
-qtest unix:nothing -display none -S
-display foo
-display none,foo=1
-kernel missing -display none
-kernel empty -display none
-kernel folder -display none
-kernel text -display none
-kernel text -initrd disk -display none
-kernel noise -display none
-blockdev x -display none -nodefaults -S
-blockdev driver=file -display none -nodefaults -S
-blockdev driver=file,filename=disk -display none -nodefaults -S
-blockdev driver=file,filename=disk,node-name=1 -display none -nodefaults -S
-blockdev driver=file,filename=disk,node-name=f,zz=1 -display none -nodefaults -S
-blockdev driver=file,filename=disk,node-name=f,read-only=x -display none -nodefaults -S
-blockdev driver=file,filename=missing,node-name=f -display none -nodefaults -S
-blockdev driver=null-co,node-name=n,size=1M -display none -nodefaults -S
-blockdev driver=raw,node-name=r,file.driver=file -display none -nodefaults -S
-blockdev driver=raw,node-name=r,file.driver=file,file.filename=disk,file.zz=1 -display none -nodefaults -S
-blockdev driver=raw,node-name=r,file.driver=null-co,offset=-5 -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,inject-error.0.event=read_aio,inject-error.0.sector=x -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,inject-error.0.errno=5 -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,inject-error.0.event=none,inject-error.0.once=zz -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,inject-error.0=5 -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,inject-error.1.event=none -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,inject-error=5 -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,take-child-perms.0=zz -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,align=9223372036854775807 -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,align=9223372036854775808 -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,align=-5 -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,align=03 -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,inject-error.0.event=none,inject-error.0.bogus=4 -display none -nodefaults -S
-blockdev driver=blkdebug,node-name=b,image.driver=null-co,config=missing -display none -nodefaults -S
-drive if=none,file=blkdebug:missing:disk -display none -nodefaults -S
-drive if=none,file=blkdebug:disk -display none -nodefaults -S
-blockdev driver=raw,node-name=r,file=f,file.driver=file -display none -nodefaults -S
-blockdev driver=raw,node-name=r,file=missing -display none -nodefaults -S
-blockdev driver=raw,node-name=r,file.0=1 -display none -nodefaults -S
-blockdev { -display none -nodefaults -S
-blockdev {"driver":"file"} -display none -nodefaults -S
-blockdev {"driver":"null-co","node-name":"n","size":"x"} -display none -nodefaults -S
-blockdev driver=null-co,node-name=n,cache.direct=maybe -display none -nodefaults -S
-blockdev driver=null-co,node-name=n,cache=on -display none -nodefaults -S
-blockdev driver=null-co,node-name -display none -nodefaults -S
-blockdev null-co,node-name= -display none -nodefaults -S
-blockdev help -display none -nodefaults -S
-blockdev driver=null-co,node-name=n,.a=1 -display none -nodefaults -S
-blockdev driver=null-co,node-name=n,discard=on -display none -nodefaults -S
-blockdev node-name=n -display none -nodefaults -S
-blockdev driver=null-co,node-name=n -blockdev driver=null-co,node-name=n -display none -nodefaults -S
-blockdev driver=null-co,node-name=n -drive file=disk,format=raw,id=n,if=none -display none -nodefaults -S
-blockdev driver=raw,node-name=r,file=n -blockdev driver=null-co,node-name=n -display none -nodefaults -S
-blockdev driver=null-co,node-name=n -device virtio-blk-pci,drive=n -device virtio-blk-pci,drive=m -display none -nodefaults -S
-drive if=none,id=d,file=disk,format=raw,iops=5,iops_rd=5 -display none -nodefaults -S
-drive if=none,id=d,file=disk,format=raw,throttling.bps-total=x -display none -nodefaults -S
-drive if=none,id=d,file=disk,format=raw,node-name=1 -display none -nodefaults -S
-drive file=missing -display none
-drive file=missing,if=virtio -display none
-drive if=foo,file=disk -display none
-drive if=none,id=d,file=disk,format=raw -drive if=none,id=d,file=disk,format=raw -display none
-drive file=disk,id=1a -display none
-drive file=disk,foo=1,format=raw -display none
-drive file=disk,if=ide,index=0,format=raw -drive file=disk,if=ide,index=0,format=raw -display none
-drive if=virtio,format=raw,file=disk -drive if=virtio,format=raw,file=disk -display none
-drive foo=1
-drive help
-drive if=none,id=d,file=folder -display none
-drive file=disk,format=foo -display none
-drive driver=foo,file=disk -display none
-drive if=none,file=disk,format=raw,readonly=foo -display none
-drive if=none,file=disk,format=raw,if -display none
-drive if=virtio -S -display none
-drive if=scsi,file=disk,format=raw -S -display none
-drive if=ide,index=5,file=disk,format=raw -S -display none
-drive if=virtio,file=disk,format=raw,id=zz -device virtio-blk-pci,drive=zz -display none
-hda missing -display none
-cdrom missing -display none
missing -display none
missing other -display none
-S -drive if=none,id=n,file=disk,format=raw -device foo -display none
-S -drive if=none,id=n,file=disk,format=raw -device virtio-blk-pci -display none
-S -drive if=none,id=n,file=disk,format=raw -device virtio-blk-pci,drive=x -display none
-S -drive if=none,id=n,file=disk,format=raw -device virtio-blk-pci,drive= -display none
-S -drive if=none,id=n,file=disk,format=raw -device virtio-blk-pci,foo=x -display none
-S -drive if=none,id=n,file=disk,format=raw -device virtio-blk-pci,drive=d,bus=foo -display none
-device virtio-blk-pci,id=1a -display none
-S -drive if=none,id=n,file=disk,format=raw -device id=foo -display none
-S -drive if=none,id=n,file=disk,format=raw -device '' -display none
-S -drive if=none,id=n,file=disk,format=raw -device i440FX -display none
-S -drive if=none,id=n,file=disk,format=raw -device {"driver":"foo"} -display none
-drive if=none,id=d,file=disk,format=raw -device virtio-blk-pci,drive=d,id=a -device virtio-blk-pci,drive=d,id=b -display none
-drive if=none,id=d,file=disk,format=raw -device virtio-blk-pci,drive=d,id=a -device virtio-blk-pci,drive=d,id=a -display none
-S -display none -chardev null
-S -display none -chardev foo,id=x
-S -display none -chardev id=x
-S -display none -chardev null,id=1x
-S -display none -chardev null,id=a -chardev null,id=a
-S -display none -chardev file,id=f
-S -display none -chardev file,id=f,path=/nonexistent/x
-S -display none -chardev socket,id=s
-S -display none -chardev socket,id=s,path=nosocket
-S -display none -chardev socket,id=s,path=/nonexistent/x,server=on
-S -display none -chardev socket,id=s,path=x,wait=on
-S -display none -chardev socket,id=s,path=x,server=foo
-S -display none -chardev ringbuf,id=r,size=3
-S -display none -chardev ringbuf,id=r,size=foo
-S -display none -chardev null,id=n,foo=1
-S -display none -chardev stdio,id=a -chardev stdio,id=b
-S -display none -chardev stdio,id=a -serial stdio
-S -display none -object foo,id=x
-S -display none -object rng-random
-S -display none -object id=x
-S -display none -object rng-random,id=1x
-S -display none -object rng-random,id=a,filename=/nonexistent/x
-S -display none -object rng-random,id=a,foo=1
-S -display none -object rng-random,id=a,foo
-S -display none -object rng-builtin,id=a -object rng-builtin,id=a
-S -display none -object foo,id=x -chardev foo,id=x
-S -display none -device virtio-rng-pci,rng=foo
-nodefaults -S -display none -nic user,model=foo
-nodefaults -S -display none -net nic,model=foo
-nodefaults -S -display none -net foo
-nodefaults -S -display none -nic foo
-nodefaults -S -display none -netdev user
-nodefaults -S -display none -netdev user,id=n1 -netdev user,id=n1
-nodefaults -S -display none -netdev foo,id=n1
-nodefaults -S -display none -nic user,id=n1,model=virtio,addr=7
-nodefaults -S -display none -nic user,mac=zz,model=virtio
-nodefaults -S -display none -nic user,foo=1
-nodefaults -S -display none -netdev user,id=n1,hostfwd=zz
-nodefaults -S -display none -nic user,netdev=n1
-nodefaults -S -display none -net nic,netdev=zz
-nodefaults -S -display none -net nic,macaddr=01:00:00:00:00:00
-nodefaults -S -display none -netdev hubport,id=h1
-nodefaults -S -display none -netdev user,id=1a
-nodefaults -S -display none -netdev {"type":"foo","id":"n1"}
-nodefaults -S -display none -netdev {"id":"n1"}
-nodefaults -S -display none -netdev {"type":"user","id":"n1","x":1}
-nodefaults -S -display none -net nic,name=zz,model=virtio
-S -display none -object rng-builtin,id=a -device virtio-rng-pci,rng=a,period=0
-S -display none -device virtserialport,chardev=foo
-S -display none -device virtio-serial-pci -device virtserialport,chardev=foo
-S -display none -device virtio-serial-pci -device virtserialport,nr=0
-S -display none -chardev null,id=n -device virtio-serial-pci -device virtserialport,chardev=n -device virtconsole,chardev=n
-S -display none -object memory-backend-ram,id=m
-S -display none -object memory-backend-ram,id=m,size=0
-S -display none -object memory-backend-ram,id=m,size=x
-S -display none -object memory-backend-ram,id=m,size=1000G
-S -display none -object memory-backend-ram,id=pc.ram,size=2M
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=300
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=0-300
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=x
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=1
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=-1
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=70000
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=3-0
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=0-70000
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=1-2,host-nodes=4
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes
-S -display none -object memory-backend-ram,id=m,size=2M,policy=bind,host-nodes.0=0
-S -display none -object memory-backend-ram,id=m,size=2M,host-nodes=0-2
-S -display none -object memory-backend-ram,id=m,size=2M -device pc-dimm,memdev=m
-S -display none -m 256,slots=2,maxmem=1G -device pc-dimm,memdev=foo
-S -display none -m 256,slots=2,maxmem=1G -device pc-dimm
-S -display none -m 256,slots=2,maxmem=1G -object memory-backend-ram,id=m,size=3M -device pc-dimm,memdev=m
-S -display none -m 256,slots=2,maxmem=1G -object memory-backend-ram,id=m,size=2M -device pc-dimm,memdev=m -device pc-dimm,memdev=m
-S -display none -m 256,slots=2,maxmem=1G -object memory-backend-ram,id=m,size=2M -device pc-dimm,memdev=m,slot=2
-S -display none -m 256,slots=2,maxmem=1G -object memory-backend-ram,id=m,size=2M -device pc-dimm,memdev=m,node=1
-S -serial foo -display none
-S -serial '' -display none
-S -serial help -display none
-S -serial mon:foo -display none
-S -serial stdio,foo=1 -display none
-S -serial null,foo -display none
-S -serial file: -display none
-S -serial file:/nonexistent/x -display none
-S -serial unix: -display none
-S -serial unix:nosocket -display none
-S -serial unix:/nonexistent/x,server=on,wait=off -display none
-S -serial unix:x,server=on,wait=off,foo=1 -display none
-S -monitor foo -display none
-S -monitor file:/nonexistent/x -display none
-S -monitor unix:/nonexistent/x,server=on,wait=off -display none
-S -monitor null -serial mon:stdio -serial stdio -display none
-S -display none -chardev socket,id=s,host=127.0.0.1
-S -display none -chardev socket,id=s,port=1
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1
-S -display none -chardev socket,id=s,host=localhost,port=1
-S -display none -chardev socket,id=s,host=127.0.0.1,port=x
-S -display none -chardev socket,id=s,host=127.0.0.1,port=-1,server=on,wait=off
-S -display none -chardev socket,id=s,host=127.0.0.1,port=65537
-S -display none -chardev socket,id=s,host=,port=1
-S -display none -chardev socket,id=s,host=192.0.2.1,port=1,server=on,wait=off
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,path=x
-S -display none -chardev socket,id=s,path=x,fd=3
-S -display none -chardev socket,id=s,fd=x
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,reconnect=x
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,reconnect=
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,reconnect=010,server=on
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,wait=off
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,tls-authz=x
-S -display none -chardev socket,id=s,path=x,tls-creds=x
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,websocket=on
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,to=x
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,ipv4=off,ipv6=off
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,ipv4=x
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,ipv6=on
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,ipv6=on,server=on,wait=off
-S -display none -chardev socket,id=s,host=::1,port=1,ipv4=on
-S -display none -chardev socket,id=s,path=x,server=on,reconnect=1
-S -display none -chardev socket,id=s,path=folder,server=on,wait=off
-S -display none -chardev socket,id=s,path=text
-S -display none -chardev socket,id=s,path=PATH109,server=on,wait=off
-S -display none -chardev socket,id=s,path=PATH108
-S -display none -chardev socket,id=s,host=127.0.0.1,port=1,nowait
-S -display none -chardev file,id=f,path=
-S -display none -chardev file,id=f,path=folder
-S -display none -chardev file,id=f,path=x,append=foo
-S -display none -chardev pipe,id=p
-S -display none -chardev pipe,id=p,path=nosuch
-S -display none -chardev null,id=a,logfile=/nonexistent/x
-S -display none -chardev file,id=a,path=/nonexistent/x,logfile=/nonexistent/y
-S -display none -chardev null,id=a,logappend=foo
-S -display none -chardev stdio,id=a,signal=foo
-S -display none -chardev null,id=a,to=5x
-S -display none -chardev memory,id=a,size=3
-S -display none -chardev null,id=a-base -chardev null,id=a,mux=on
-S -display none -chardev null,id=serial0 -serial null
-S -display none -chardev null,id=compat_monitor0 -monitor null
-S -display none -monitor null -chardev null,id=compat_monitor0
-S -display none -chardev null,id=a,mux=on -mon a -mon a -mon a -mon a -mon a
-S -display none -chardev null,id=a -mon a -mon a
-S -display none -chardev null,id=a -qmp chardev:a -qmp chardev:a
-S -display none -chardev foo,id=y -monitor tcp:127.0.0.1:1
-S -display none -monitor tcp:127.0.0.1:1 -chardev foo,id=y
-S -display none -monitor null -chardev foo,id=y -monitor foo
-S -display none -serial tcp:foo -chardev null,id=1x
-S -display none -chardev stdio,id=a,mux=on -serial chardev:a -monitor stdio
-S -display none -serial mon:stdio -serial mon:stdio
-S -serial tcp: -display none
-S -serial tcp:foo -display none
-S -serial tcp:127.0.0.1:1 -display none
-S -serial tcp::1 -display none
-S -serial tcp:127.0.0.1:1,foo=1 -display none
-S -serial tcp:127.0.0.1:1,server=foo -display none
-S -serial tcp:127.0.0.1:1,wait=on -display none
-S -serial tcp:127.0.0.1:1,server=on,reconnect=1 -display none
-S -serial tcp:127.0.0.1:1,reconnect=x -display none
-S -serial tcp:127.0.0.1:1,host=localhost,id=foo -display none
-S -serial tcp:127.0.0.1:1,logfile=/nonexistent/y -display none
-S -serial tcp:[::1]:1 -display none
-S -serial tcp:127.0.0.1:12345678901234567890123456789012345,foo -display none
-S -serial udp: -display none
-S -serial pipe:nosuch -display none
-S -serial pty,foo -display none
-S -serial vc: -display none
-S -serial vc:axb -display none
-S -serial chardev: -display none
-S -serial chardev:foo -display none
-S -serial unix:PATH109 -display none
-S -serial unix:PATH109,server=on,wait=off -display none
-S -serial unix:,,x -display none
-S -serial unix:nosocket,nodelay -display none
-S -serial mon: -display none
-S -serial mon:tcp:127.0.0.1:1 -display none
-S -serial mon:mon:stdio -display none
-S -serial mon:chardev:foo -display none
-S -serial stdio,signal=off -display none
-S -monitor chardev:foo -display none
-S -monitor chardev:1x -display none
-S -monitor tcp:foo -display none
-S -monitor tcp:127.0.0.1:1,foo=1 -display none
-S -monitor unix:PATH109,server=on,wait=off -display none
-S -qmp chardev:foo -display none
-S -qmp tcp:foo -display none
-S -qmp tcp:127.0.0.1:1 -display none
-S -qmp none -display none
-S -qmp '' -display none
-S -mon foo -display none
-S -mon foo=1 -display none
-S -chardev null,id=a -mon a,mode=foo -display none
-S -chardev null,id=a -mon a,pretty=on -display none
-display none -nodefaults -S -device {
-display none -nodefaults -S -device {"driver":"virtio-rng-pci"}x
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","driver":"x"}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci",}
-display none -nodefaults -S -device {"driver":5}
-display none -nodefaults -S -device {"driver":["x"]}
-display none -nodefaults -S -device {"id":"a"}
-display none -nodefaults -S -device {"driver":"help"}
-display none -nodefaults -S -object {"qom-type":"memory-backend-ram","id":"m0"}
-display none -nodefaults -S -object {"qom-type":"memory-backend-ram","id":"m0","size":1,"foo":1}
-display none -nodefaults -S -object {"qom-type":"nosuch","id":"m0"}
-display none -nodefaults -S -object {"qom-type":
-display none -nodefaults -S -object {}
-display none -nodefaults -S -object {"qom-type":"memory-backend-ram","size":4096}
-display none -nodefaults -S -object {"qom-type":"rng-random","id":"a","filename":3}
-display none -nodefaults -S -object {"qom-type":"memory-backend-ram","id":"a","size":4096} -object memory-backend-ram,id=a,size=4k
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","help":true}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","b":1,"a":2,"zz":3,"kiwi":4}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","bus":"x"}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","period":"x"}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","period":1.5}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","period":-1}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","period":18446744073709551615}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","period":18446744073709551616}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","max-bytes":"5"}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","max-bytes":5e0}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","multifunction":"on"}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","multifunction":1}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","acpi-index":4294967296}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","addr":5.0}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","addr":null}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","addr":true}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","addr":[]}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","addr":"x"}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","addr":-2}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","addr":2147483648}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","addr":18446744073709551615}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","rng":5}
-display none -nodefaults -S -device {"driver":"virtio-serial-pci","max_ports":4294967296}
-display none -nodefaults -S -device {"driver":"pc-dimm","slot":1.5}
-display none -nodefaults -S -device {"driver":"pc-dimm","slot":18446744073709551615}
-display none -nodefaults -S -device {"driver":"pc-dimm","addr":"x"}
-display none -nodefaults -S -device {"driver":"virtio-mem-pci","requested-size":"x"}
-display none -nodefaults -S -device {"driver":"virtio-mem-pci","block-size":1e6}
-display none -nodefaults -S -device {"driver":"virtio-blk-pci","logical_block_size":"512"}
-display none -nodefaults -S -device {"driver":"virtio-blk-pci","logical_block_size":-512}
-display none -nodefaults -S -device {"driver":"virtio-blk-pci","logical_block_size":18446744073709551615}
-display none -nodefaults -S -device {"driver":"virtio-blk-pci","werror":"x"}
-display none -nodefaults -S -device {"driver":"virtio-blk-pci","serial":5}
-display none -nodefaults -S -device {"driver":"virtio-balloon-pci","deflate-on-oom":null}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","nosuch":1} -device virtio-rng-pci,wrong=1
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","id":"a"} -device {"driver":"virtio-rng-pci","id":"a"}
-display none -nodefaults -S -device {"driver":"virtio-rng-pci","id":"a"} -device virtio-rng-pci,id=a
-d
-d tid -display none
-d all -display none
-d tid,foo -display none
-d trace:foo,unimp -M foo
-d trace:foo* -M foo
-d trace:-foo -M foo
-D missing/log -display none
-D bad%s -display none
-D bad%d%d -display none
-D folder -display none
-D '' -display none
-trace
-trace foo -M foo
-trace -foo -M foo
-trace *foo* -M foo
-trace -M -M foo
-trace '' -M foo
-trace foo=1
-trace help=on
-trace foo,bar -M foo
-trace foo,enable=bar -M foo
-trace foo -trace bar -M foo
-trace events=missing -display none
-trace events=missing,foo=1
-trace events=events -kernel missing -display none
-trace file=missing/log -display none
-trace file=folder -D missing/log -display none
-msg
-msg foo
-msg foo=1
-msg timestamp=foo
-msg timestamp -timestamp
-msg guest-name=foo
-msg guest-name=off -M foo
`;

/** PATH109 is a path of so many characters. */
const withPath = (word: string): string =>
  word.replace(/PATH(\d+)/, (_, length: string) => 'p'.repeat(Number(length)));

export const CLI_CASES: readonly (readonly string[])[] = [
  ...LINES.trim().split('\n'),
  ...NUMA_LINES,
  ...LOG_LINES,
  ...FLASH_LINES,
  ...CONFIG_LINES,
  ...MACHINE_LINES,
  ...FLOPPY_LINES,
  ...FIRMWARE_LINES,
].map((line) => line.split(' ').map((word) => (word === "''" ? '' : withPath(word))));

const DISK_BYTES = 1024 * 1024;
const NOISE_BYTES = 8192;

/** Runs `use` in a new folder with the files of the cases. */
export function withCliFiles<T>(use: (folder: string) => T): T {
  const folder = makeCliFiles();
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The folder; the caller removes it. */
export function makeCliFiles(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hotslot-cli-'));
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'text'), 'hello, this is no kernel\n');
  // Noise of a linear congruential generator: no header of any kind.
  let seed = 12345;
  const noise = new Uint8Array(NOISE_BYTES).map(() => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 24;
  });
  writeFileSync(join(folder, 'noise'), noise);
  writeFileSync(join(folder, 'events'), '# names\n\nnosuch\n # no comment\n-other\n*any*\ncut');
  for (const [name, text] of Object.entries(CONFIG_FILES)) writeFileSync(join(folder, `${name}.cfg`), text);
  writeFileSync(join(folder, 'disk'), '');
  truncateSync(join(folder, 'disk'), DISK_BYTES);
  return folder;
}
