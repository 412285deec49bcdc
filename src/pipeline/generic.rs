//! The parameters that every bot has, and those of every collector, parser and output.

use super::spec::{Kind, Param, ParamKind};

use ParamKind::{Any, Bool, Choice, Float, Int, List, Map, Text};

/// The brokers that a `…_pipeline_broker` may name.
const BROKERS: ParamKind = Choice(&["redis", "amqp", "kafka", "embedded", "pythonlist", "pythonlistsimple"]);
/// The levels of `logging_level`.
const LEVELS: ParamKind = Choice(&["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]);

const fn new(name: &'static str, kind: ParamKind, default: &'static str, doc: &'static str) -> Param {
    Param::new(name, kind, default, doc)
}

/// Parameters of every bot, with IntelMQ's defaults. `source_queue_limit` is ours, and so is that `instances_threads` works
/// with every broker.
pub const GENERIC: &[Param] = &[
    // Queues
    new(
        "source_queue",
        Text,
        "null",
        "The queue it reads; `<bot-id>-queue` if not set. Collectors read none.",
    ),
    new(
        "destination_queues",
        Any,
        "null",
        "Queues it sends to: a list, a text with blanks between, or paths with either.",
    ),
    new(
        "source_queue_limit",
        Int,
        "100000",
        "Messages its queue may hold before senders wait. Ours, not IntelMQ's.",
    )
    .ours(),
    new("load_balance", Bool, "false", "Sends each message to one queue of the path in turn, not to all."),
    new(
        "instances_threads",
        Int,
        "0",
        "Instances that run as threads of one process; up to 1 is one. Not for bots that remember.",
    ),
    new("source_pipeline_broker", BROKERS, r#""redis""#, "The broker of the queue it reads."),
    new("source_pipeline_host", Text, r#""127.0.0.1""#, "Host, or path of a socket, of the source broker."),
    new("source_pipeline_port", Int, "6379", "Port of the source broker; for AMQP set 5672."),
    new("source_pipeline_db", Int, "2", "Number of the Redis database of the source queue."),
    new("source_pipeline_username", Text, "null", "User at the source broker; AMQP only."),
    new("source_pipeline_password", Text, "null", "Password at the source broker."),
    new("source_pipeline_ssl", Bool, "false", "Whether to reach the source broker over TLS; AMQP only."),
    new("source_pipeline_socket_timeout", Float, "null", "Seconds to wait for the source broker's answer."),
    new("source_pipeline_amqp_virtual_host", Text, r#""/""#, "Virtual host at the source broker."),
    new(
        "source_pipeline_amqp_exchange",
        Text,
        r#""""#,
        "Exchange at the source broker; empty is the default one.",
    ),
    new("destination_pipeline_broker", BROKERS, r#""redis""#, "The broker of the queues it sends to."),
    new(
        "destination_pipeline_host",
        Text,
        r#""127.0.0.1""#,
        "Host, or path of a socket, of the destination broker.",
    ),
    new("destination_pipeline_port", Int, "6379", "Port of the destination broker; for AMQP set 5672."),
    new("destination_pipeline_db", Int, "2", "Number of the Redis database of the destination queues."),
    new("destination_pipeline_username", Text, "null", "User at the destination broker; AMQP only."),
    new("destination_pipeline_password", Text, "null", "Password at the destination broker."),
    new(
        "destination_pipeline_ssl",
        Bool,
        "false",
        "Whether to reach the destination broker over TLS; AMQP only.",
    ),
    new(
        "destination_pipeline_socket_timeout",
        Float,
        "null",
        "Seconds to wait for the destination broker's answer.",
    ),
    new("destination_pipeline_amqp_virtual_host", Text, r#""/""#, "Virtual host at the destination broker."),
    new(
        "destination_pipeline_amqp_exchange",
        Text,
        r#""""#,
        "Exchange at the destination broker; empty is the default one.",
    ),
    new(
        "intelmqctl_rabbitmq_monitoring_url",
        Text,
        "null",
        "Address of RabbitMQ's management API, for queue sizes.",
    ),
    // Life
    new("enabled", Bool, "true", "Whether the bot starts with the botnet."),
    new(
        "run_mode",
        Choice(&["continuous", "scheduled"]),
        r#""continuous""#,
        "`scheduled` ends the bot after one round.",
    ),
    new("rate_limit", Float, "0", "Seconds to rest after each message, for a collector after each round."),
    new(
        "process_manager",
        Choice(&["intelmq", "supervisor"]),
        r#""intelmq""#,
        "Who runs the processes; in `global` only.",
    ),
    new("stop_retry_limit", Int, "5", "How often intelmqctl looks whether a bot stopped; in `global` only."),
    new(
        "intelmqctl_check_orphaned_queues_ignore",
        List,
        "[]",
        "Queues that may have no bot; in `global` only.",
    ),
    // Errors
    new(
        "error_procedure",
        Choice(&["pass", "stop"]),
        r#""pass""#,
        "What follows the last retry: `pass` goes on, `stop` ends the bot.",
    ),
    new("error_max_retries", Int, "3", "How often a message that failed is tried again."),
    new("error_retry_delay", Float, "15", "Seconds before each retry."),
    new(
        "error_dump_message",
        Bool,
        "true",
        "Whether a message that failed for good is kept in the dump file.",
    ),
    new("error_log_exception", Bool, "true", "Whether an error is logged in full, not in one line."),
    new("error_log_message", Bool, "false", "Whether the log shows the message that failed."),
    // Logs and statistics
    new("logging_level", LEVELS, r#""INFO""#, "The least level that is logged."),
    new("logging_handler", Choice(&["file", "syslog"]), r#""file""#, "Where the log goes."),
    new("logging_path", Text, "null", "Folder of log and dump files."),
    new("logging_syslog", Any, r#""/dev/log""#, "Syslog's socket, or `[host, port]`."),
    new(
        "logging_max_size",
        Int,
        "0",
        "Bytes after which the log file is rotated; 0 is never. Needs `logging_max_copies`.",
    ),
    new("logging_max_copies", Int, "null", "How many rotated log files are kept."),
    new("log_processed_messages_count", Int, "500", "A line in the log after so many messages sent."),
    new(
        "log_processed_messages_seconds",
        Float,
        "900",
        "A line in the log after so many seconds, if messages were sent.",
    ),
    new("statistics_host", Text, r#""127.0.0.1""#, "Redis server for statistics."),
    new("statistics_port", Int, "6379", "Port of the Redis server for statistics."),
    new("statistics_database", Int, "3", "Number of the Redis database for statistics."),
    new("statistics_password", Text, "null", "Password of the Redis server for statistics."),
    // HTTP
    new("http_proxy", Text, "null", "Proxy for `http:` addresses; used only if both proxies are set."),
    new("https_proxy", Text, "null", "Proxy for `https:` addresses; used only if both proxies are set."),
    new("http_timeout_sec", Float, "30", "Seconds to wait for a server."),
    new("http_timeout_max_tries", Int, "3", "How often a request is tried; at least once."),
    new("http_user_agent", Text, "null", "What requests say they come from."),
    new("http_verify_cert", Any, "true", "Whether certificates are checked, or the path of a CA bundle."),
    new("http_header", Map, "{}", "Further header lines of requests."),
    new("http_username", Text, "null", "User for basic authentication; needs `http_password`."),
    new("http_password", Text, "null", "Password for basic authentication."),
    new("ssl_client_certificate", Text, "null", "Path of the client certificate."),
    new(
        "ssl_client_cert",
        Text,
        "null",
        "Path of the client certificate, under the name that newer bots read.",
    ),
    new("ssl_ca_certificate", Text, "null", "Path of the CA certificates; some bots only."),
    new("extract_files", Any, "null", "Files to take out of a fetched archive: names, or true for all."),
    // Cache
    new(
        "redis_cache_host",
        Text,
        "null",
        "Redis server of the bot's memory; ours: if not set, memory is kept with the queues.",
    ),
    new("redis_cache_port", Int, "6379", "Port of the Redis server of the bot's memory."),
    new("redis_cache_db", Int, "9", "Number of the Redis database of the bot's memory."),
    new("redis_cache_ttl", Int, "15", "Seconds that something is remembered."),
    new("redis_cache_password", Text, "null", "Password of the Redis server of the bot's memory."),
    // What the keys beside `parameters` become
    new("accuracy", Float, "100", "Goes into `feed.accuracy` of a collector's reports."),
    new(
        "name",
        Text,
        "null",
        "Display name; of a collector also `feed.name`, unless its parameters have one.",
    ),
    new("group", Text, "null", "The group of bots that it belongs to."),
    new("module", Text, "null", "The module that it runs."),
    new("description", Text, "null", "What it is for."),
    new("testing", Bool, "false", "For IntelMQ's own tests."),
];

/// Further parameters of every collector.
pub const COLLECTOR: &[Param] = &[
    new("provider", Text, "null", "Who provides the feed; goes into `feed.provider`."),
    new("code", Text, "null", "Short name of the feed; goes into `feed.code`."),
    new("documentation", Text, "null", "Where the feed is documented; goes into `feed.documentation`."),
];

/// Further parameters of every parser.
pub const PARSER: &[Param] = &[
    new("default_fields", Map, "{}", "Fields that each event gets unless it has them."),
    new("copy_collector_provided_fields", List, "[]", "Fields of the report that each event gets."),
];

/// Further parameters of every output.
pub const OUTPUT: &[Param] = &[
    new("hierarchical_output", Bool, "false", "Whether `source.ip` becomes `{\"source\": {\"ip\": …}}`."),
    new("message_hierarchical", Bool, "false", "Another name of `hierarchical_output`."),
    new("message_hierarchical_output", Bool, "false", "Another name of `hierarchical_output`."),
    new("message_with_type", Bool, "false", "Whether `__type` is written."),
    new("with_type", Bool, "false", "Another name of `message_with_type`."),
    new("message_jsondict_as_string", Bool, "false", "Whether `extra` is written as a text."),
    new("single_key", Text, "null", "The one field that is written."),
    new("keep_raw_field", Bool, "false", "Whether `raw` is written."),
];

/// Returns the parameters that a bot of a kind has beside its module's own.
pub fn generic(kind: Option<Kind>) -> impl Iterator<Item = &'static Param> {
    let further: &[Param] = match kind {
        Some(Kind::Collector) => COLLECTOR,
        Some(Kind::Parser) => PARSER,
        Some(Kind::Output) => OUTPUT,
        Some(Kind::Expert) | None => &[],
    };
    GENERIC.iter().chain(further)
}
