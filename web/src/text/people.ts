// Words of members, groups and roles.

export const people = {
  title: 'Members',
  about: 'The people of this organisation, what each may do, and the groups that rules ask.',
  tabs: { members: 'Members', groups: 'Groups', roles: 'Roles' },
  columns: {
    name: 'Name',
    email: 'Email',
    role: 'Role',
    state: 'State',
    groups: 'Groups',
    act: '',
  },
  states: { active: 'active', invited: 'invited', removed: 'removed' } as Record<string, string>,
  you: 'you',
  removedToo: 'Show removed members',

  invite: 'Invite',
  inviteTitle: 'Invite somebody',
  name: 'Name (optional)',
  email: 'Email',
  role: 'Role',
  roleAbout: 'They may do this as soon as they have come in. It can be changed at any time.',
  link: 'Their link',
  linkOf: (name: string) => `Link for ${name}`,
  linkAbout:
    'It works once. Give it to them by a way you trust: whoever opens it is let in as them. It is shown only now.',
  linkEnds: 'It ends',
  linkGiven: 'I have passed it on',
  again: 'New link',
  signInLink: 'Sign-in link',
  signInLinkTitle: (name: string) => `Let ${name} in again?`,
  signInLinkText:
    'They get a link to set a new password. Using it ends their sessions and removes their passkeys. An earlier link ends now.',
  signInLinkGo: 'Make the link',

  change: 'Change',
  changeTitle: (name: string) => `Change ${name}`,
  ownName: 'Name',
  lowered: 'A lower role ends their other sessions and lowers their keys in the same step.',
  save: 'Save',

  remove: 'Remove',
  removeTitle: (name: string) => `Remove ${name}?`,
  removeText:
    'They are signed out, their keys end and they leave their groups at once. What they did stays in the record.',
  grants: 'What becomes of the grants they answer for',
  revoke: 'Revoke it',
  keepFor: (name: string) => `${name} answers for it`,
  undecided: 'Say what becomes of each grant.',

  groupsAbout: 'Rules ask groups to approve: a rule that names group:finance asks its members.',
  makeGroup: 'Create group',
  groupName: 'Name',
  groupNameAbout: 'As rules name it: group:NAME',
  members: 'Members',
  noGroups: 'No groups yet',
  noGroupsText: 'A rule that asks a group needs one with at least one person in it.',
  nobodyIn: 'Nobody is in it: calls that ask this group wait in vain.',
  edit: 'Edit',
  editGroup: (name: string) => `Edit ${name}`,
  deleteGroup: (name: string) => `Delete ${name}`,
  deleteSure: (name: string) =>
    `Rules that ask group:${name} then ask nobody: their calls wait in vain until they expire.`,

  rolesAbout:
    'Three roles on a ladder: each may do everything the ones before it may. Who may approve a call is not a role: the rule names people, groups or a role.',
  rolesMay: 'May',
  roleTable: [
    ['See servers, tools, policies, grants, limits and calls; never a token or a credential', 0],
    ['See calls that wait for people; never their values', 0],
    ['Make and end their own API keys, sessions, password and passkeys', 0],
    ['Draft, test, publish and restore policies; attach them to grants', 1],
    ['Accept new and changed tools', 1],
    ['Open and decide calls that wait, where a rule asks them', 1],
    ['Connect servers, set and remove credentials', 2],
    ['Issue, rotate, pause and revoke grants; say what became of unknown calls', 2],
    ['Invite, change and remove members; groups; identity providers; API keys of others', 2],
    ['Read and export the log of changes; take approvals back; take a backup', 2],
  ] as const,
  yes: 'yes',
};
