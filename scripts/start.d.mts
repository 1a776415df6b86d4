export function startArguments(given: readonly string[]): string[];
