"""Wrong operation: changes to the keys, alarms, code and tables of a golden template that a rule must notice."""

from __future__ import annotations

from tests.policy.changes import Mutant, drop, of, put, sub, without

CONDITION = ("Conditions", "HasKmsKey", "Fn::Not", 0, "Fn::Equals")
SSE = ("BucketEncryption", "ServerSideEncryptionConfiguration", 0)
RULE = ("LifecycleConfiguration", "Rules", 0)
NOTHING = {"Ref": "AWS::NoValue"}
EQUALS = {"Fn::Equals": [{"Ref": "KmsKeyArn"}, ""]}

KEYS = [
    Mutant(f"SEC07_{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("KEY_CONDITION", "foundation", "turned", put("Conditions", "HasKmsKey", EQUALS)),
        ("KEY_CONDITION", "express", "of another parameter", put(*CONDITION, 0, "Ref", "Environment")),
        ("KEY_CONDITION", "standard", "of another value", put(*CONDITION, 1, "none")),
        ("KEY_CONDITION", "standard", "a key by default", put("Parameters", "KmsKeyArn", "Default", "alias/ours")),
        ("ALWAYS_THERE", "foundation", "policy", put("Resources", "WorkflowBucketPolicy", "Condition", "HasKmsKey")),
        ("ALWAYS_THERE", "foundation", "topic", put("Resources", "AlertTopic", "Condition", "HasAlertEmail")),
        ("ALWAYS_THERE", "express", "alarm", put("Resources", "DeadLettersAlarm", "Condition", "HasKmsKey")),
        ("ALWAYS_THERE", "standard", "rule", put("Resources", "FailureRule", "Condition", "HasKmsKey")),
        ("CUSTOMER_KEY", "foundation", "topic", without("AlertTopic", "KmsMasterKeyId")),
        ("CUSTOMER_KEY", "express", "queue", without("Queue", "KmsMasterKeyId")),
        ("CUSTOMER_KEY", "express", "log group turned", of("PipeLogGroup", "KmsKeyId", "Fn::If", 1, NOTHING)),
        ("CUSTOMER_KEY", "express", "function", without("RateFunction", "KmsKeyArn")),
        ("CUSTOMER_KEY", "standard", "pipe", without("Pipe", "KmsKeyIdentifier")),
        ("CUSTOMER_KEY", "standard", "AWS's key", of("DeadLetterQueue", "KmsMasterKeyId", "alias/aws/sqs")),
        ("CUSTOMER_KEY", "standard", "another", of("Pipe", "KmsKeyIdentifier", "Fn::If", 1, {"Ref": "Environment"})),
        ("CUSTOMER_KEY", "standard", "else AWS's", of("Queue", "KmsMasterKeyId", "Fn::If", 2, "alias/aws/sqs")),
        ("STATE_MACHINE_KEY", "express", "none", without("StateMachine", "EncryptionConfiguration")),
        (
            "STATE_MACHINE_KEY",
            "express",
            "AWS's",
            of("StateMachine", "EncryptionConfiguration", "Fn::If", 1, "Type", "AWS_OWNED_KEY"),
        ),
        (
            "STATE_MACHINE_KEY",
            "standard",
            "another",
            of("StateMachine", "EncryptionConfiguration", "Fn::If", 1, "KmsKeyId", {"Ref": "Environment"}),
        ),
        ("TABLE_KEY", "foundation", "none", without("RecordsTable", "SSESpecification")),
        (
            "TABLE_KEY",
            "foundation",
            "not used",
            of("RecordsTable", "SSESpecification", "Fn::If", 1, "SSEEnabled", False),
        ),
        ("TABLE_KEY", "foundation", "turned", of("RatingsTable", "SSESpecification", "Fn::If", 1, NOTHING)),
        (
            "BUCKET_KEY",
            "foundation",
            "none",
            without("ArtifactBucket", *SSE, "ServerSideEncryptionByDefault", "KMSMasterKeyID"),
        ),
        (
            "BUCKET_KEY",
            "foundation",
            "not used",
            of("WorkflowBucket", *SSE, "ServerSideEncryptionByDefault", "SSEAlgorithm", "Fn::If", 1, "AES256"),
        ),
        ("BUCKET_KEY", "foundation", "a call for each object", without("WorkflowBucket", *SSE, "BucketKeyEnabled")),
    )
]

REJECTED, INPUT = ("Metrics", 1, "MetricStat"), ("Metrics", 2, "MetricStat")
ALARMS = [
    Mutant(f"SEC08_{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("ALARMS", "express", "tells nobody", of("FailedExecutionsAlarm", "AlarmActions", [])),
        ("ALARMS", "express", "tells a queue", of("FailedExecutionsAlarm", "AlarmActions", [{"Ref": "Queue"}])),
        ("ALARMS", "express", "another unit", of("FailedExecutionsAlarm", "Unit", "Bytes")),
        ("ALARMS", "express", "actions off", of("DeadLettersAlarm", "ActionsEnabled", False)),
        ("ALARMS", "express", "no data fails", of("PipeFailuresAlarm", "TreatMissingData", "breaching")),
        ("ALARMS", "express", "no data not said", without("QueueAgeAlarm", "TreatMissingData")),
        ("ALARMS", "express", "late", of("TimedOutExecutionsAlarm", "EvaluationPeriods", 3)),
        ("ALARMS", "express", "once an hour", of("FailedExecutionsAlarm", "Period", 3600)),
        ("ALARMS", "express", "ten dead letters", of("DeadLettersAlarm", "Threshold", 10)),
        ("ALARMS", "express", "dead letters averaged", of("DeadLettersAlarm", "Statistic", "Average")),
        ("ALARMS", "standard", "one failure passes", of("AbortedExecutionsAlarm", "Threshold", 1)),
        ("ALARMS", "standard", "counts none", of("FailedExecutionsAlarm", "Statistic", "Average")),
        (
            "ALARMS",
            "standard",
            "fires when well",
            of("UndeliveredAlertsAlarm", "ComparisonOperator", "LessThanThreshold"),
        ),
        (
            "ALARMS",
            "standard",
            "always fires",
            of("PipeFailuresAlarm", "ComparisonOperator", "GreaterThanOrEqualToThreshold"),
        ),
        ("ALARMS", "standard", "any message fires", of("QueueAgeAlarm", "Threshold", 0)),
        ("ALARMS", "standard", "on nothing", without("FailedExecutionsAlarm", "Dimensions")),
        ("ALARMS", "express", "stale, tells nobody", without("KeepStaleAlarm", "AlarmActions")),
        ("ALARMS", "express", "stale, actions off", of("KeepStaleAlarm", "ActionsEnabled", False)),
        ("ALARMS", "express", "stale, another unit", of("KeepStaleAlarm", "Unit", "Seconds")),
        ("ALARMS", "express", "stale, no data fails", of("KeepStaleAlarm", "TreatMissingData", "missing")),
        ("ALARMS", "express", "stale, averaged", of("KeepStaleAlarm", "Statistic", "Average")),
        (
            "ALARMS",
            "express",
            "stale, always fires",
            of("KeepStaleAlarm", "ComparisonOperator", "GreaterThanOrEqualToThreshold"),
        ),
        ("ALARMS", "express", "stale, never fires", of("KeepStaleAlarm", "Threshold", 1001)),
        ("ALARMS", "express", "stale, any data", of("KeepStaleAlarm", "Threshold", -1)),
        ("ALARMS", "standard", "stale, by the minute", of("KeepStaleAlarm", "Period", 60)),
        ("ALARMS", "standard", "stale, one day", of("KeepStaleAlarm", "EvaluationPeriods", 24)),
        ("ALARMS", "standard", "stale, more than a week", of("KeepStaleAlarm", "EvaluationPeriods", 169)),
        ("ALARMS", "standard", "stale, every hour", without("KeepStaleAlarm", "DatapointsToAlarm")),
        ("ALARMS", "standard", "stale, four days", of("KeepStaleAlarm", "DatapointsToAlarm", 4)),
        ("ALARMS", "express", "rate, tells nobody", without("TakeRejectedAlarm", "AlarmActions")),
        ("ALARMS", "express", "rate, actions off", of("SiftRejectedAlarm", "ActionsEnabled", False)),
        ("ALARMS", "express", "rate, no data fails", of("TakeRejectedAlarm", "TreatMissingData", "breaching")),
        ("ALARMS", "express", "rate, never fires", of("TakeRejectedAlarm", "Threshold", 101)),
        ("ALARMS", "express", "rate, always fires", of("TakeRejectedAlarm", "Threshold", 0)),
        ("ALARMS", "express", "rate, below", of("TakeRejectedAlarm", "ComparisonOperator", "LessThanThreshold")),
        ("ALARMS", "express", "rate, late", of("TakeRejectedAlarm", "EvaluationPeriods", 24)),
        ("ALARMS", "express", "rate, two of two", of("TakeRejectedAlarm", "DatapointsToAlarm", 2)),
        ("ALARMS", "standard", "rate, by the minute", of("KeepRejectedAlarm", *REJECTED, "Period", 60)),
        ("ALARMS", "standard", "rate, of a day's input", of("KeepRejectedAlarm", *INPUT, "Period", 86400)),
        ("ALARMS", "standard", "rate, averaged", of("KeepRejectedAlarm", *INPUT, "Stat", "Average")),
        ("ALARMS", "express", "rate, another unit", of("KeepRejectedAlarm", *INPUT, "Unit", "Bytes")),
        ("RUNBOOK", "express", "no description", without("QueueAgeAlarm", "AlarmDescription")),
        ("RUNBOOK", "express", "no runbook", of("TakeRejectedAlarm", "AlarmDescription", "Too many are rejected")),
        ("RUNBOOK", "standard", "no section", of("KeepStaleAlarm", "AlarmDescription", "Old. Runbook: docs/alarms.md")),
        ("WATCHED", "express", "not failures", drop("Resources", "FailedExecutionsAlarm")),
        ("WATCHED", "express", "not time-outs", of("TimedOutExecutionsAlarm", "MetricName", "ExecutionsStarted")),
        ("WATCHED", "express", "not the pipe", of("PipeFailuresAlarm", "Namespace", "AWS/States")),
        ("WATCHED", "express", "not dead letters", drop("Resources", "DeadLettersAlarm")),
        ("WATCHED", "express", "not ages", of("QueueAgeAlarm", "MetricName", "NumberOfMessagesSent")),
        ("WATCHED", "standard", "not aborts", drop("Resources", "AbortedExecutionsAlarm")),
        ("WATCHED", "standard", "not alerts", drop("Resources", "UndeliveredAlertsAlarm")),
    )
]

KEY = ("Code", "S3Key")
CODE = [
    Mutant(f"SEC09_{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("FUNCTION_CODE", "express", "3 s", without("TakeFunction", "Timeout")),
        ("FUNCTION_CODE", "express", "128 MB", without("TakeFunction", "MemorySize")),
        ("FUNCTION_CODE", "express", "another Python", of("TakeFunction", "Runtime", "python3.12")),
        ("FUNCTION_CODE", "express", "another processor", of("SiftFunction", "Architectures", ["x86_64"])),
        ("FUNCTION_CODE", "express", "the default processor", without("RateFunction", "Architectures")),
        ("FUNCTION_CODE", "express", "in the template", of("KeepFunction", "Code", "ZipFile", "pass")),
        ("FUNCTION_CODE", "standard", "fixed key", of("TakeFunction", *KEY, "handlers.zip")),
        ("FUNCTION_CODE", "standard", "not substituted", of("TakeFunction", *KEY, "${HandlersPrefix}base.zip")),
        ("FUNCTION_CODE", "express", "prefix elsewhere", of("TakeFunction", *KEY, sub("x/${HandlersPrefix}base.zip"))),
        ("FUNCTION_CODE", "standard", "prefix may be empty", drop("Parameters", "HandlersPrefix", "AllowedPattern")),
        ("FUNCTION_CODE", "standard", "another bucket", of("TakeFunction", "Code", "S3Bucket", "bucket")),
        ("FUNCTION_CODE", "standard", "old by default", put("Parameters", "HandlersPrefix", "Default", "old/")),
        ("CODE_STAYS", "foundation", "a day", of("ArtifactBucket", *RULE, "ExpirationInDays", 1)),
        ("CODE_STAYS", "foundation", "a date", of("ArtifactBucket", *RULE, "ExpirationDate", "2027-01-31T00:00:00Z")),
        ("CODE_STAYS", "foundation", "out of reach", of("ArtifactBucket", *RULE, "Transitions", [{}])),
        ("FUNCTION_RUNS", "express", "never", of("TakeFunction", "ReservedConcurrentExecutions", 0)),
        ("FUNCTION_RUNS", "express", "a secret", of("TakeFunction", "Environment", "Variables", "API_TOKEN", "x")),
        (
            "FUNCTION_RUNS",
            "standard",
            "a password",
            of("KeepFunction", "Environment", "Variables", "DB_PASSWORD", "x"),
        ),
        ("JOB", "standard", "Glue 4", of("HeavyJob", "GlueVersion", "4.0")),
        ("JOB", "standard", "the newest Glue", of("HeavyJob", "GlueVersion", "auto")),
        ("JOB", "standard", "the default Glue", without("HeavyJob", "GlueVersion")),
        ("JOB", "standard", "Python shell", of("HeavyJob", "Command", "Name", "pythonshell")),
        ("JOB", "standard", "no limit", without("HeavyJob", "Timeout")),
        ("JOB", "standard", "one run", of("HeavyJob", "ExecutionProperty", "MaxConcurrentRuns", 1)),
        ("JOB", "standard", "one worker", of("HeavyJob", "NumberOfWorkers", 1)),
        ("JOB", "standard", "no library", without("HeavyJob", "DefaultArguments", "--extra-py-files")),
        (
            "JOB",
            "standard",
            "another bucket's library",
            of("HeavyJob", "DefaultArguments", "--extra-py-files", sub("s3://elsewhere/${GluePrefix}lib.zip")),
        ),
        (
            "JOB",
            "standard",
            "more than a library",
            of("HeavyJob", "DefaultArguments", "--extra-jars", "s3://elsewhere/any.jar"),
        ),
        ("JOB", "standard", "any prefix", put("Parameters", "GluePrefix", "AllowedPattern", ".*")),
    )
]

TABLES = [
    Mutant("SEC10_TABLES", "foundation", name, change)
    for name, change in (
        ("throughput by hand", of("RecordsTable", "BillingMode", "PROVISIONED")),
        ("throughput by default", without("RatingsTable", "BillingMode")),
        (
            "cannot be restored",
            of("ConfigTable", "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled", False),
        ),
        (
            "anybody",
            of("RecordsTable", "ResourcePolicy", {"PolicyDocument": {"Statement": [{"Principal": "*"}]}}),
        ),
        ("nothing expires", of("ToldTable", "TimeToLiveSpecification", "Enabled", False)),
    )
]

LOGS = [
    Mutant(f"P35_{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("FUNCTION_LOGS", "express", "text", of("TakeFunction", "LoggingConfig", "LogFormat", "Text")),
        ("FUNCTION_LOGS", "express", "by default", without("RateFunction", "LoggingConfig", "LogFormat")),
        (
            "FUNCTION_LOGS",
            "standard",
            "errors alone",
            of("TakeFunction", "LoggingConfig", "ApplicationLogLevel", "ERROR"),
        ),
        (
            "FUNCTION_LOGS",
            "standard",
            "errors alone by the logger",
            of("TakeFunction", "Environment", "Variables", "POWERTOOLS_LOG_LEVEL", "ERROR"),
        ),
        ("LOG_RETENTION", "standard", "two days by its class", of("TakeFunctionLogGroup", "LogGroupClass", "DELIVERY")),
        ("PIPE_LOGS", "express", "nothing", of("Pipe", "LogConfiguration", "Level", "OFF")),
        ("PIPE_LOGS", "express", "not said", without("Pipe", "LogConfiguration")),
        ("PIPE_LOGS", "standard", "nowhere", without("Pipe", "LogConfiguration", "CloudwatchLogsLogDestination")),
    )
]

OPERATION_MUTANTS = [*KEYS, *ALARMS, *CODE, *TABLES, *LOGS]
