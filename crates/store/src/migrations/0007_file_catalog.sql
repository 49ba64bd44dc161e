-- The permission bits of files, which DIRAC's catalogues have; without them a file has the usual ones.
ALTER TABLE file ADD COLUMN mode {small} NULL;

-- What those lock who register files whose GUIDs have to be unique. The key is a hash of the GUID;
-- a row says nothing but that somebody used it once.
CREATE TABLE guid_lock (
    guid {bigint} NOT NULL PRIMARY KEY
) {clustered};

-- What a dataset is for, and what the system that made it keeps of it.
ALTER TABLE dataset ADD COLUMN description {text} NULL;
ALTER TABLE dataset ADD COLUMN origin {json} NULL;

-- What the files of each owner and group amount to, as `total` has it for other things.
CREATE TABLE holding (
    vo {bigint} NOT NULL,
    owner {bigint} NOT NULL,
    owner_group {bigint} NOT NULL,
    slot {small} NOT NULL,
    files {bigint} NOT NULL,
    bytes {bigint} NOT NULL,
    events {bigint} NOT NULL,
    PRIMARY KEY (vo, owner, owner_group, slot)
) {counters};

INSERT INTO holding (vo, owner, owner_group, slot, files, bytes, events)
SELECT f.vo, f.owner, f.owner_group, 0, COUNT(*), SUM(f.size), SUM(COALESCE(f.events, 0))
FROM file f WHERE f.status < 3 GROUP BY f.vo, f.owner, f.owner_group;
