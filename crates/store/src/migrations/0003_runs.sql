-- The sections whose events a file holds, in the short text of `model::packed`, with the first of
-- their runs: most files have one run, and an index on a column of their own row takes few bytes.
ALTER TABLE file ADD COLUMN run {bigint} NULL;
ALTER TABLE file ADD COLUMN sections {text} NULL;

CREATE INDEX file_run ON file (run){partial run IS NOT NULL};

-- The further runs of files that have several.
CREATE TABLE further_run (
    dir {bigint} NOT NULL,
    id {bigint} NOT NULL,
    run {bigint} NOT NULL,
    PRIMARY KEY (dir, id, run)
) {clustered};

CREATE INDEX further_run_run ON further_run (run, dir, id);

-- A run. Luminosities are in inverse barns, of the whole run. Where they are known by section, it
-- says from which to which section, and how many of them have one. The text of sections is that of
-- `model::packed`.
CREATE TABLE run (
    vo {bigint} NOT NULL,
    run {bigint} NOT NULL,
    fill {bigint} NULL,
    conditions {bigint} NULL,
    started {bigint} NULL,
    ended {bigint} NULL,
    events {bigint} NULL,
    delivered {bigint} NULL,
    recorded {bigint} NULL,
    first_section {bigint} NULL,
    last_section {bigint} NULL,
    known_sections {bigint} NULL,
    modified {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    sections {text} NOT NULL,
    document {json} NULL,
    PRIMARY KEY (vo, run)
) {clustered};

CREATE INDEX run_fill ON run (vo, fill, run){partial fill IS NOT NULL};
CREATE INDEX run_started ON run (vo, started, run){partial started IS NOT NULL};

CREATE TABLE fill (
    vo {bigint} NOT NULL,
    fill {bigint} NOT NULL,
    started {bigint} NULL,
    ended {bigint} NULL,
    modified {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    document {json} NULL,
    PRIMARY KEY (vo, fill)
) {clustered};

-- The luminosity of 128 sections of a run, and the sums of all sections before them: the
-- luminosity of an interval is a difference of two sums, and reads two rows at most. The values
-- are multiples of 10 to the scale, in inverse barns.
CREATE TABLE run_luminosity (
    vo {bigint} NOT NULL,
    run {bigint} NOT NULL,
    block {bigint} NOT NULL,
    known_before {bigint} NOT NULL,
    delivered_before {bigint} NOT NULL,
    recorded_before {bigint} NOT NULL,
    scale {small} NOT NULL,
    delivered {text} NULL,
    recorded {text} NOT NULL,
    PRIMARY KEY (vo, run, block)
) {clustered};

-- What was said of the quality of a run, by processing pass (0 for all): the last counts.
-- Flag: 0 ok, 1 unchecked, 2 maybe, 3 bad.
CREATE TABLE run_quality (
    vo {bigint} NOT NULL,
    run {bigint} NOT NULL,
    pass {bigint} NOT NULL,
    changed {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    flag {small} NOT NULL,
    actor {name 256} NOT NULL,
    reason {name 1024} NULL,
    PRIMARY KEY (vo, run, pass, changed)
) {clustered};

-- What was said of the quality of a file, and of what it came from when that was passed on to it.
CREATE TABLE file_quality (
    dir {bigint} NOT NULL,
    id {bigint} NOT NULL,
    changed {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    flag {small} NOT NULL,
    actor {name 256} NOT NULL,
    reason {name 1024} NULL,
    origin {name 1024} NULL,
    PRIMARY KEY (dir, id, changed)
) {clustered};

-- Things that communities name: 0 event types, 1 conditions, 2 software, 3 background frames. The
-- key is a hash of community, kind and name; the document has the rest.
CREATE TABLE definition (
    definition {bigint} NOT NULL PRIMARY KEY,
    vo {bigint} NOT NULL,
    kind {small} NOT NULL,
    created {bigint} NOT NULL,
    modified {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    name {name 512} NOT NULL,
    document {json} NOT NULL
) {clustered};

CREATE INDEX definition_name ON definition (vo, kind, name{prefix 190});

-- Where software is installed, and background frames are kept. Activity 0 stands for all.
CREATE TABLE definition_site (
    definition {bigint} NOT NULL,
    site {bigint} NOT NULL,
    activity {bigint} NOT NULL,
    since {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    PRIMARY KEY (definition, site, activity)
) {clustered};

CREATE INDEX definition_site_site ON definition_site (site, definition);
