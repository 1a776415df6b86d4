import { describe, expect, it } from 'vitest';
import { parseUdpTable } from './udp-drops.ts';

describe('parseUdpTable', () => {
  it('reads port, inode and drops, and nothing else', () => {
    const text = [
      '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
      ' 1234: 0100007F:1F40 00000000:0000 07 00000000:00034000 00:00000000 00000000  1000        0 987654 2 0000000000000000 243',
      ' 1235: 00000000000000000000000001000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 42 2 0 0',
      'garbage',
      '',
    ].join('\n');
    expect(parseUdpTable(text)).toEqual([
      { port: 8000, inode: '987654', drops: 243 },
      { port: 53, inode: '42', drops: 0 },
    ]);
  });
});
