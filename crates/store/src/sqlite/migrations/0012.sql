-- When the present access token was got. For people, and so not under the MAC: nothing is judged by it.
ALTER TABLE oauth_connections ADD COLUMN refreshed_at INTEGER;
