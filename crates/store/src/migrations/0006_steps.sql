-- How many steps a job has: a count tells the numbers of steps from those of outputs with parents
-- of their own, without a look at job_step. Steps count from 1.
ALTER TABLE job ADD COLUMN steps {small} DEFAULT 0 NOT NULL;

UPDATE job SET steps = (SELECT COUNT(*) FROM job_step s WHERE s.job = job.job);
