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
