-- Scopes that an upstream asked for on top, when it refused requests for want of them. Under the MAC where there are any.
ALTER TABLE oauth_clients ADD COLUMN wanted TEXT NOT NULL DEFAULT '[]';
