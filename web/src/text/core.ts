// The texts that every page needs at once: the frame, the states, the five words.
import { can, shell, states, words } from './shell';

export const t = { shell, can, states, words };
