export function backoff(failures: number, chance: number): number;
export function hint(reason: string): number | null;
