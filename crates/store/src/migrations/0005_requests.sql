-- What physicists ask for. The key is a hash of community and name. State: 0 draft, 1 submitted,
-- 2 accepted, 3 rejected, 4 active, 5 done, 6 cancelled. A template is only cloned.
CREATE TABLE request (
    request {bigint} NOT NULL PRIMARY KEY,
    vo {bigint} NOT NULL,
    owner {bigint} NOT NULL,
    campaign {bigint} NULL,
    source {bigint} NULL,
    event_type {bigint} NULL,
    generator {bigint} NULL,
    conditions {bigint} NULL,
    software {bigint} NULL,
    events {bigint} NULL,
    deadline {bigint} NULL,
    created {bigint} NOT NULL,
    modified {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    priority {small} NOT NULL,
    state {small} NOT NULL,
    template {small} NOT NULL,
    name {name 256} NOT NULL,
    remark {text} NULL,
    meta {json} NULL
) {clustered};

CREATE INDEX request_created ON request (vo, created, request);
CREATE INDEX request_campaign ON request (campaign, created, request){partial campaign IS NOT NULL};
CREATE INDEX request_name ON request (name{prefix 190}, request);

-- Every change of a request: who, when, from and to which state, why, and what was edited.
CREATE TABLE request_history (
    request {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    time {bigint} NOT NULL,
    actor {bigint} NOT NULL,
    before_state {small} NULL,
    after_state {small} NOT NULL,
    reason {text} NULL,
    edits {text} NULL,
    PRIMARY KEY (request, audit)
) {clustered};

-- Campaigns group requests. A closed one takes no more.
CREATE TABLE campaign (
    campaign {bigint} NOT NULL PRIMARY KEY,
    vo {bigint} NOT NULL,
    owner {bigint} NOT NULL,
    created {bigint} NOT NULL,
    modified {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    closed {small} NOT NULL,
    name {name 256} NOT NULL,
    description {text} NULL
) {clustered};

CREATE INDEX campaign_name ON campaign (name{prefix 190}, campaign);
