-- Versions of steps and of processing passes. Kind: 0 step, 1 processing pass. The key is a hash of
-- community and name; a version that something uses never changes.
CREATE TABLE recipe (
    recipe {bigint} NOT NULL,
    version {bigint} NOT NULL,
    vo {bigint} NOT NULL,
    digest {bigint} NOT NULL,
    created {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    kind {small} NOT NULL,
    used {small} NOT NULL,
    actor {name 256} NOT NULL,
    name {name 256} NOT NULL,
    document {json} NOT NULL,
    PRIMARY KEY (recipe, version)
) {clustered};

CREATE INDEX recipe_name ON recipe (kind, name, recipe, version);

-- Productions. State: 0 active, 1 paused, 2 closed, 3 archived. Kind: 0 simulation, 1 processing,
-- 2 merging, 3 selection, 4 other. The counts are of what was made of it: the tasks, which are
-- numbered from 1, and the events that they cover.
CREATE TABLE production (
    production {bigint} NOT NULL PRIMARY KEY,
    vo {bigint} NOT NULL,
    owner {bigint} NOT NULL,
    request {bigint} NULL,
    pass {bigint} NULL,
    pass_version {bigint} NULL,
    priority {bigint} NOT NULL,
    events_wanted {bigint} NULL,
    events_planned {bigint} NOT NULL,
    tasks {bigint} NOT NULL,
    digest {bigint} NOT NULL,
    created {bigint} NOT NULL,
    modified {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    kind {small} NOT NULL,
    state {small} NOT NULL,
    name {name 256} NOT NULL,
    document {json} NOT NULL
) {clustered};

CREATE INDEX production_name ON production (name, production);
CREATE INDEX production_request ON production (request, production){partial request IS NOT NULL};

-- The inputs of a production, each once. One without a task waits for one; task 0 stands for a
-- job of the production that named none.
CREATE TABLE production_input (
    production {bigint} NOT NULL,
    dir {bigint} NOT NULL,
    id {bigint} NOT NULL,
    task {bigint} NULL,
    audit {bigint} NOT NULL,
    PRIMARY KEY (production, dir, id)
) {clustered};

CREATE INDEX production_input_task ON production_input (production, task, dir, id);
CREATE INDEX production_input_file ON production_input (dir, id, production);

-- Tasks by production and state, with their events and inputs, spread over slots so that writers
-- do not wait for one another. State 8 stands for inputs that wait for a task, 9 for reports that
-- came after the production was closed.
CREATE TABLE task_total (
    production {bigint} NOT NULL,
    state {small} NOT NULL,
    slot {small} NOT NULL,
    tasks {bigint} NOT NULL,
    events {bigint} NOT NULL,
    inputs {bigint} NOT NULL,
    PRIMARY KEY (production, state, slot)
) {counters};
