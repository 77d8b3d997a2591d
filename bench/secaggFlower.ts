export function runFlower(): { table: string; rows: unknown } {
  return { table: '', rows: [] };
}
