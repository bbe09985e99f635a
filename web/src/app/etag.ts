// The revision of what was read, as the server wants it back with a change.

export const ifMatch = (revision: number): string => `"${revision}"`;
