/** The time registers of the MC146818A: seconds since 1970 to and from bytes, in BCD or binary, 12 or 24 hours. */

export const RTC_SECONDS = 0x00;
export const RTC_SECONDS_ALARM = 0x01;
export const RTC_MINUTES = 0x02;
export const RTC_MINUTES_ALARM = 0x03;
export const RTC_HOURS = 0x04;
export const RTC_HOURS_ALARM = 0x05;
export const RTC_DAY_OF_WEEK = 0x06;
export const RTC_DAY_OF_MONTH = 0x07;
export const RTC_MONTH = 0x08;
export const RTC_YEAR = 0x09;
/** QEMU: the century is at 0x32, and 0x37 (IBM PS/2) is the same byte. */
export const RTC_CENTURY = 0x32;
export const RTC_IBM_PS2_CENTURY = 0x37;

export const REG_B_24H = 0x02;
export const REG_B_DM = 0x04;

const HOUR_PM = 0x80;
const ALARM_DONT_CARE = 0xc0;
const SECONDS_PER_DAY = 86_400;

/** Days from 1970-01-01 to the first of month 1 to 12 (others carry) of the Gregorian calendar. */
function daysToMonth(year: number, month: number): number {
  const fromMarch = year * 12 + month - 3;
  const marchYear = Math.floor(fromMarch / 12);
  const monthOfMarchYear = fromMarch - marchYear * 12;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * monthOfMarchYear + 2) / 5) - 719_468;
}

function encode(value: number, regB: number): number {
  return regB & REG_B_DM ? value : (Math.floor(value / 10) << 4) | (value % 10);
}

function decode(byte: number, regB: number): number {
  return regB & REG_B_DM ? byte : (byte >>> 4) * 10 + (byte & 0x0f);
}

function decodeHour(byte: number, regB: number): number {
  if (regB & REG_B_24H) return decode(byte, regB);
  const hour = decode(byte & ~HOUR_PM, regB) % 12;
  return byte & HOUR_PM ? hour + 12 : hour;
}

function encodeHour(hour: number, regB: number): number {
  if (regB & REG_B_24H) return encode(hour, regB);
  return encode(hour % 12 === 0 ? 12 : hour % 12, regB) | (hour >= 12 ? HOUR_PM : 0);
}

/** Writes the registers of a moment, given in seconds since 1970-01-01. */
export function writeTime(cmos: Uint8Array, regB: number, seconds: number): void {
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const ofDay = seconds - days * SECONDS_PER_DAY;
  let year = 1970 + Math.floor(days / 365.2425);
  while (daysToMonth(year, 1) > days) year--;
  while (daysToMonth(year + 1, 1) <= days) year++;
  let month = 12;
  while (daysToMonth(year, month) > days) month--;
  cmos[RTC_SECONDS] = encode(ofDay % 60, regB);
  cmos[RTC_MINUTES] = encode(Math.floor(ofDay / 60) % 60, regB);
  cmos[RTC_HOURS] = encodeHour(Math.floor(ofDay / 3600), regB);
  cmos[RTC_DAY_OF_WEEK] = encode(((((days + 4) % 7) + 7) % 7) + 1, regB);
  cmos[RTC_DAY_OF_MONTH] = encode(days - daysToMonth(year, month) + 1, regB);
  cmos[RTC_MONTH] = encode(month, regB);
  cmos[RTC_YEAR] = encode(((year % 100) + 100) % 100, regB);
  cmos[RTC_CENTURY] = encode(Math.floor(year / 100), regB);
}

/** Seconds since 1970-01-01; values out of range carry over, as 75 minutes do into the hour. */
export function readTime(cmos: Uint8Array, regB: number): number {
  const field = (index: number): number => decode(cmos[index] ?? 0, regB);
  const year = field(RTC_CENTURY) * 100 + field(RTC_YEAR);
  const days = daysToMonth(year, field(RTC_MONTH)) + field(RTC_DAY_OF_MONTH) - 1;
  const hour = decodeHour(cmos[RTC_HOURS] ?? 0, regB);
  return days * SECONDS_PER_DAY + hour * 3600 + field(RTC_MINUTES) * 60 + field(RTC_SECONDS);
}

/** Seconds from `seconds` to the next moment that matches the alarm registers, or undefined when none does. */
export function secondsToAlarm(cmos: Uint8Array, regB: number, seconds: number): number | undefined {
  const alarm = (index: number, read: typeof decode): number | undefined => {
    const byte = cmos[index] ?? 0;
    return (byte & ALARM_DONT_CARE) === ALARM_DONT_CARE ? undefined : read(byte, regB);
  };
  const hour = alarm(RTC_HOURS_ALARM, decodeHour);
  const minute = alarm(RTC_MINUTES_ALARM, decode);
  const second = alarm(RTC_SECONDS_ALARM, decode);
  if ((hour ?? 0) > 23 || (minute ?? 0) > 59 || (second ?? 0) > 59) return undefined;
  // From field to field: each step goes to the next moment at which one more of them can match.
  let at = seconds + 1;
  while (at <= seconds + SECONDS_PER_DAY) {
    const ofDay = modulo(at, SECONDS_PER_DAY);
    const hours = ahead(hour, Math.floor(ofDay / 3600), 24);
    const minutes = ahead(minute, Math.floor(ofDay / 60) % 60, 60);
    const more = ahead(second, ofDay % 60, 60);
    if (hours > 0) at += hours * 3600 - (ofDay % 3600);
    else if (minutes > 0) at += minutes * 60 - (ofDay % 60);
    else if (more > 0) at += more;
    else return at - seconds;
  }
  return undefined;
}

/** How far a field is from what an alarm wants of it: 0 when any value will do. */
function ahead(wanted: number | undefined, is: number, values: number): number {
  return wanted === undefined ? 0 : modulo(wanted - is, values);
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
