/**
 * Node has neither openpty(3) nor ioctl(2); Debian's perl-base, which no system is without, has both. This program opens a pseudo terminal
 * and passes what goes through it on: bytes for the terminal come from its standard input as they are, and its standard output has frames.
 *
 *   n LENGTH TEXT    first of all: the name of the other end
 *   o, c             somebody has opened the other end; the last one has closed it
 *   d LENGTH BYTES   what was written there
 *
 * A length has two bytes, the lower one first. Nobody at the other end: what is for the terminal is forgotten, as in QEMU.
 */
export const PTY_SCRIPT = `
use strict; use POSIX qw(:errno_h :fcntl_h :termios_h);
use constant { TIOCSPTLCK => 0x40045431, TIOCGPTN => 0x80045430, ROOM => 65536, PIECE => 4096, LOOK_S => 0.2 };
$SIG{PIPE} = 'IGNORE'; $SIG{INT} = 'IGNORE';
sysopen(my $pty, '/dev/ptmx', O_RDWR | O_NOCTTY | O_NONBLOCK) or exit 1;
my $number = pack('i', 0);
ioctl($pty, TIOCSPTLCK, $number) && ioctl($pty, TIOCGPTN, $number) or exit 1;
my $name = '/dev/pts/' . unpack('i', $number);
sysopen(my $end, $name, O_RDWR | O_NOCTTY) or exit 1;
my $mode = POSIX::Termios->new; $mode->getattr(fileno($end));
$mode->setiflag($mode->getiflag & ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON));
$mode->setoflag($mode->getoflag & ~OPOST);
$mode->setlflag($mode->getlflag & ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN));
$mode->setcflag($mode->getcflag & ~(CSIZE | PARENB) | CS8);
$mode->setattr(fileno($end), TCSANOW); close($end);
my ($in, $out, $is_open) = ('', 'n' . pack('v', length $name) . $name, 0);
sub set_open { my ($now) = @_; return if $now == $is_open; $is_open = $now; $out .= $now ? 'o' : 'c'; $in = '' unless $now }
sub look {
  my $count = sysread($pty, my $bytes, PIECE);
  if ($count) { set_open(1); $out .= 'd' . pack('v', $count) . $bytes }
  elsif (!defined $count && ($! == EAGAIN || $! == EINTR)) { set_open(1) }
  else { set_open(0) }
}
while (1) {
  my ($read, $write) = ('', '');
  vec($read, 0, 1) = 1 if length $in < ROOM;
  vec($read, fileno($pty), 1) = 1 if $is_open && length $out < ROOM;
  vec($write, 1, 1) = 1 if length $out;
  vec($write, fileno($pty), 1) = 1 if $is_open && length $in;
  my $ready = select($read, $write, undef, $is_open ? undef : LOOK_S);
  next if $ready < 0;
  if (vec($read, 0, 1)) { sysread(STDIN, $in, PIECE, length $in) or exit 0; $in = '' unless $is_open }
  if (vec($write, 1, 1)) { my $count = syswrite(STDOUT, $out, PIECE); exit 0 unless defined $count; substr($out, 0, $count) = '' }
  if ($is_open && vec($write, fileno($pty), 1)) { my $count = syswrite($pty, $in); substr($in, 0, $count) = '' if $count }
  look() if $is_open ? vec($read, fileno($pty), 1) : length $out < ROOM;
}
`;
