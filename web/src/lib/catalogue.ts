// MCP servers that many people connect, by the addresses their makers publish. Choosing one only fills in
// the form: whether it answers, and what it asks for, is seen by the first look.

/** How a server knows who calls. */
export type SignIn = 'oauth' | 'key' | 'oauthOrKey';

export interface Entry {
  /** The short name it gets here, unless somebody writes another. */
  slug: string;
  name: string;
  url: string;
  signIn: SignIn;
}

export const CATALOGUE: readonly Entry[] = [
  { slug: 'stripe', name: 'Stripe', url: 'https://mcp.stripe.com', signIn: 'oauthOrKey' },
  { slug: 'paypal', name: 'PayPal', url: 'https://mcp.paypal.com/mcp', signIn: 'oauth' },
  { slug: 'square', name: 'Square', url: 'https://mcp.squareup.com/mcp', signIn: 'oauth' },
  { slug: 'hubspot', name: 'HubSpot', url: 'https://mcp.hubspot.com', signIn: 'oauth' },
  { slug: 'intercom', name: 'Intercom', url: 'https://mcp.intercom.com/mcp', signIn: 'oauthOrKey' },
  { slug: 'github', name: 'GitHub', url: 'https://api.githubcopilot.com/mcp/', signIn: 'key' },
  { slug: 'linear', name: 'Linear', url: 'https://mcp.linear.app/mcp', signIn: 'oauthOrKey' },
  { slug: 'notion', name: 'Notion', url: 'https://mcp.notion.com/mcp', signIn: 'oauth' },
  { slug: 'sentry', name: 'Sentry', url: 'https://mcp.sentry.dev/mcp', signIn: 'oauth' },
];
