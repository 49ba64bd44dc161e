-- A job that has reported. The key is a hash of its community and name. State: 0 done, 1 failed,
-- 2 killed, 3 lost. Standing: 0 counts, 1 surplus (its task was done before), 2 superseded,
-- 3 not good.
CREATE TABLE job (
    job {bigint} NOT NULL PRIMARY KEY,
    vo {bigint} NOT NULL,
    production {bigint} NULL,
    task {bigint} NULL,
    dirac_id {bigint} NULL,
    job_type {bigint} NULL,
    site {bigint} NULL,
    reason {bigint} NULL,
    owner {bigint} NOT NULL,
    run {bigint} NULL,
    submitted {bigint} NULL,
    started {bigint} NULL,
    ended {bigint} NULL,
    received {bigint} NOT NULL,
    cpu_ms {bigint} NULL,
    wall_ms {bigint} NULL,
    memory {bigint} NULL,
    events_read {bigint} NULL,
    events_written {bigint} NULL,
    first_event {bigint} NULL,
    supersedes {bigint} NULL,
    digest {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    exit_code {bigint} NULL,
    outputs {bigint} NOT NULL,
    attempt {small} NOT NULL,
    state {small} NOT NULL,
    standing {small} NOT NULL,
    name {name 256} NOT NULL,
    document {json} NULL,
    meta {json} NULL
) {clustered};

CREATE INDEX job_production ON job (production, task, attempt, job){partial production IS NOT NULL};
CREATE INDEX job_dirac_id ON job (dirac_id, job){partial dirac_id IS NOT NULL};
CREATE INDEX job_name ON job (name{prefix 190}, job);
CREATE INDEX job_received ON job (received, job);
{gin job meta}

-- Productions are found by name.
CREATE INDEX term_name ON term (name{prefix 190}, id);

-- The programs that a job ran. Steps count from 1.
CREATE TABLE job_step (
    job {bigint} NOT NULL,
    step {small} NOT NULL,
    application {bigint} NOT NULL,
    version {bigint} NULL,
    platform {bigint} NULL,
    configuration {bigint} NULL,
    cpu_ms {bigint} NULL,
    wall_ms {bigint} NULL,
    memory {bigint} NULL,
    events_read {bigint} NULL,
    events_written {bigint} NULL,
    exit_code {bigint} NULL,
    document {json} NULL,
    PRIMARY KEY (job, step)
) {clustered};

-- Options and conditions tags of a step, stored once: the key is a hash of the document.
CREATE TABLE step_configuration (
    configuration {bigint} NOT NULL PRIMARY KEY,
    document {json} NOT NULL
) {clustered};

-- What a step of a job read. Step 0 stands for the job as a whole; numbers above those of its steps
-- stand for groups of outputs that name parents of their own.
CREATE TABLE used (
    job {bigint} NOT NULL,
    step {small} NOT NULL,
    dir {bigint} NOT NULL,
    id {bigint} NOT NULL,
    PRIMARY KEY (job, step, dir, id)
) {clustered};

CREATE INDEX used_file ON used (dir, id, job, step);

-- What a step of a job made. A file has one maker.
CREATE TABLE made (
    dir {bigint} NOT NULL,
    id {bigint} NOT NULL,
    job {bigint} NOT NULL,
    step {small} NOT NULL,
    PRIMARY KEY (dir, id)
) {clustered};

CREATE INDEX made_job ON made (job, step, dir, id);

-- The names of files that edges lead to, and that were not in the catalogue when that was seen.
CREATE TABLE absent_file (
    dir {bigint} NOT NULL,
    id {bigint} NOT NULL,
    vo {bigint} NOT NULL,
    since {bigint} NOT NULL,
    lfn {name 1024} NOT NULL,
    PRIMARY KEY (dir, id)
) {clustered};

-- The tasks of productions. State: 0 created, 1 submitted, 2 running, 3 done, 4 failed,
-- 5 abandoned. The job is the one that counts, or the last that reported. One that is handed out
-- is leased until a moment.
CREATE TABLE task (
    production {bigint} NOT NULL,
    task {bigint} NOT NULL,
    vo {bigint} NOT NULL,
    job {bigint} NULL,
    seed {bigint} NULL,
    first_event {bigint} NULL,
    events {bigint} NULL,
    inputs {bigint} NOT NULL,
    lease_until {bigint} NULL,
    created {bigint} NOT NULL,
    modified {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    site {bigint} NULL,
    reason {bigint} NULL,
    attempts {small} NOT NULL,
    state {small} NOT NULL,
    worker {name 256} NULL,
    PRIMARY KEY (production, task)
) {clustered};

CREATE INDEX task_state ON task (production, state, task);
CREATE INDEX task_lease ON task (production, lease_until, task){partial lease_until IS NOT NULL};

-- Jobs by production, site, reason and standing, spread over slots so that reporters do not wait
-- for one another. Production 0 stands for none.
CREATE TABLE job_total (
    production {bigint} NOT NULL,
    site {bigint} NOT NULL,
    reason {bigint} NOT NULL,
    state {small} NOT NULL,
    standing {small} NOT NULL,
    slot {small} NOT NULL,
    vo {bigint} NOT NULL,
    jobs {bigint} NOT NULL,
    events_read {bigint} NOT NULL,
    events_written {bigint} NOT NULL,
    cpu_ms {bigint} NOT NULL,
    wall_ms {bigint} NOT NULL,
    PRIMARY KEY (production, vo, site, reason, state, standing, slot)
) {counters};

-- Reports that could not be taken. State: 0 waiting, 1 taken, 2 dismissed.
CREATE TABLE quarantine (
    entry {bigint} NOT NULL PRIMARY KEY,
    vo {bigint} NOT NULL,
    received {bigint} NOT NULL,
    last_tried {bigint} NOT NULL,
    tries {bigint} NOT NULL,
    state {small} NOT NULL,
    format {name 16} NOT NULL,
    code {name 16} NOT NULL,
    actor {name 256} NOT NULL,
    job {name 256} NULL,
    field {name 256} NULL,
    reason {text} NOT NULL,
    body {text} NOT NULL
) {clustered};

CREATE INDEX quarantine_received ON quarantine (received, entry);
