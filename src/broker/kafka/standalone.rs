//! The settings of a Kafka of one server, for a lab or a test: ready in about a second, on loopback, behind a password.

use std::path::Path;

/// What a Java machine is called with that runs it.
pub const JAVA_OPTIONS: &[&str] =
    &["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
/// The file in the folder of its data that says whose they are.
pub const META_FILE: &str = "meta.properties";
/// What stands there. Every server has its own folder, so that they may share the names.
///
/// Kafka's own tool writes more, the versions of features that its newest clients use, and takes a second Java machine for it.
pub const META: &str =
    "version=1\ncluster.id=5L6g3nShT-eMCtK--X86sw\nnode.id=1\ndirectory.id=6FPjO0WiDCTWmEKGwOMsZw\n";
/// The class that is the server.
pub const SERVER_CLASS: &str = "kafka.Kafka";
/// The user that may use the server.
pub const USER: &str = "lab";

/// A server of its own.
#[derive(Debug, Clone, Copy)]
pub struct Standalone<'a> {
    /// The port for clients.
    pub port: u16,
    /// The port on which the server speaks with itself.
    pub controller: u16,
    /// The folder of its data.
    pub data: &'a Path,
    /// What lets [`USER`] in.
    pub password: &'a str,
}

impl Standalone<'_> {
    /// Writes its `server.properties`.
    pub fn properties(&self) -> String {
        let Standalone { port, controller, password, .. } = self;
        let login = format!(
            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"{USER}\" \
             password=\"{password}\" user_{USER}=\"{password}\";"
        );
        let data = self.data.display();
        format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=CLIENTS://127.0.0.1:{port}\n\
             inter.broker.listener.name=CLIENTS\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT\n\
             sasl.enabled.mechanisms=PLAIN\nsasl.mechanism.inter.broker.protocol=PLAIN\n\
             sasl.mechanism.controller.protocol=PLAIN\n\
             listener.name.clients.plain.sasl.jaas.config={login}\n\
             listener.name.controller.plain.sasl.jaas.config={login}\n\
             log.dirs={data}\n{QUICK}"
        )
    }
}

/// One partition and one copy of what Kafka keeps for itself, and short waits. Positions of a bot that rests for long stay.
const QUICK: &str = "\
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
offsets.retention.minutes=525600
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
controlled.shutdown.enable=false
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
num.network.threads=2
num.io.threads=2
background.threads=2
num.recovery.threads.per.data.dir=1
num.partitions=1
log.cleaner.dedupe.buffer.size=4194304
";
