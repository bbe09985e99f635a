-- Where a policy is kept in files, so that nobody edits here what its files say. Under the MAC where there is a place.
ALTER TABLE policies ADD COLUMN kept_in TEXT;
