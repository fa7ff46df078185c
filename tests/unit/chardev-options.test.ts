/** From the words of a user to what is to be opened. Errors that QEMU was asked for are in cli-errors.test.ts. */
import { describe, expect, it } from 'vitest';
import { readChardev } from '../../src/emu/char/chardev-kinds.ts';
import { parseChardevNumber, parseChardevOptions } from '../../src/emu/char/chardev-options.ts';
import { parseShortForm } from '../../src/emu/char/chardev-short-form.ts';

/** The options of a short form, as the long form has them. */
function long(spec: string): string | undefined {
  const options = parseShortForm(spec, 'c');
  return options?.entries.map(([name, value]) => `${name}=${value}`).join();
}

const read = (text: string) => {
  const request = readChardev(parseChardevOptions(`${text},id=c`, () => {}));
  return { ...request, backend: request.backend() };
};

describe('the short form is one of the long form', () => {
  it.each([
    ['null', 'backend=null'],
    ['mon:null', 'mux=on,backend=null'],
    ['stdio', 'backend=stdio'],
    ['mon:stdio', 'mux=on,signal=off,backend=stdio'],
    ['vc:80Cx25C', 'backend=vc,cols=80,rows=25'],
    ['vc:640x480', 'backend=vc,width=640,height=480'],
    ['file:a,append=on', 'backend=file,path=a,append=on'],
    ['pipe:/tmp/p', 'backend=pipe,path=/tmp/p'],
    ['unix:a,,b,server=on,nowait', 'backend=socket,path=a,b,server=on,wait=off'],
    ['unix:', 'backend=socket'],
    ['tcp:localhost:4444', 'backend=socket,host=localhost,port=4444'],
    ['tcp::4444,server,nowait', 'backend=socket,host=,port=4444,server=on,wait=off'],
    ['tcp:h:1,reconnect=5,id=x', 'backend=socket,host=h,port=1,reconnect=5'],
    ['telnet:h:1', 'backend=socket,host=h,port=1,telnet=on'],
    ['udp:h:1', 'backend=udp,host=h,port=1'],
    ['COM1', 'backend=serial,path=COM1'],
    ['/dev/ttyS0', 'backend=serial,path=/dev/ttyS0'],
    ['/dev/parport0', 'backend=parallel,path=/dev/parport0'],
  ])('%s', (spec, options) => {
    expect(long(spec)).toBe(options);
  });

  it.each(['tcp:', 'tcp:h', 'vc:', 'vc:80', 'vc:80Cx25', 'udp:'])('%s is given up without a word', (spec) => {
    expect(long(spec)).toBeUndefined();
  });

  it.each(['', 'foo', 'none', 'null:', 'stdio,signal=on', 'mon:mon:stdio', 'chardev:a'])(
    '%s is none',
    (spec) => {
      expect(() => parseShortForm(spec, 'c')).toThrow('is not a valid char driver');
    },
  );
});

describe('the long form', () => {
  it('says what to open', () => {
    expect(read('socket,host=h,port=1,to=9,server=on,ipv4=on,nodelay=on').backend).toEqual({
      ...{ kind: 'socket', server: true, wait: true, nodelay: true, telnet: false, reconnect: 0 },
      address: { type: 'inet', host: 'h', port: '1', to: 9, ipv4: true, ipv6: undefined },
    });
    expect(read('socket,path=p,reconnect=0x10').backend).toEqual({
      ...{ kind: 'socket', server: false, wait: false, nodelay: false, telnet: false, reconnect: 16 },
      address: { type: 'unix', path: 'p' },
    });
    expect(read('file,path=p,append=on,mux=on,logfile=l,logappend=on')).toEqual({
      ...{ id: 'c', driver: 'file', mux: true, log: { path: 'l', append: true } },
      backend: { kind: 'file', path: 'p', append: true },
    });
    expect([read('stdio').backend, read('stdio,signal=off').backend]).toEqual([
      { kind: 'stdio', signals: true },
      { kind: 'stdio', signals: false },
    ]);
    expect(read('pty').backend).toEqual({ kind: 'pty' });
    expect(read('memory').backend).toEqual({ kind: 'ringbuf', sizeBytes: 65536 });
  });

  it.each([
    ['socket,host=h,port=1,tn3270=on', 'tn3270=on are not modelled here'],
    ['socket,path=p,abstract=on', 'abstract=on are not modelled here'],
    ['udp,port=1', "'udp' is not a valid char driver name"],
    ['constructor', "'constructor' is not a valid char driver name"],
    ['ringbuf,size=128M', 'Cannot allocate memory'],
    [`socket,path=${'ä'.repeat(55)}`, 'is too long'],
  ])('%s is refused', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it.each([
    ['0', 0n],
    ['010', 8n],
    ['0x1F', 31n],
    ['-1', 0xffff_ffff_ffff_ffffn],
    [' +7', 7n],
    ['08', undefined],
    ['', undefined],
    ['1s', undefined],
    ['0x', undefined],
  ])('the number %s', (text, value) => {
    expect(parseChardevNumber(text)).toBe(value);
  });
});
