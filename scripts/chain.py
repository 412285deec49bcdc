"""The chain that speed and memory are measured with: its botnet, its reports, and what is seen of its processes.

Not a program: other scripts import it.
"""
import json
import pathlib

CHAIN = ["parser", "deduplicator", "taxonomy", "url", "output"]
MODULES = {
    "collector": "intelmq.bots.collectors.file.collector_file",
    "parser": "intelmq.bots.parsers.shadowserver.parser",
    "deduplicator": "intelmq.bots.experts.deduplicator.expert",
    "taxonomy": "intelmq.bots.experts.taxonomy.expert",
    "url": "intelmq.bots.experts.url.expert",
    "output": "intelmq.bots.outputs.file.output",
}
GROUPS = {"collector": "Collector", "parser": "Parser", "output": "Output"}
# One report of a web scan, made up for this measurement: 3 required and 17 optional columns.
REQUIRED = [["time.source", "timestamp", "add_UTC_to_timestamp"], ["source.ip", "ip", "validate_ip"],
            ["source.port", "port", "convert_int"]]
OPTIONAL = [["severity", "severity", "validate_to_none"], ["protocol.transport", "protocol"],
            ["source.reverse_dns", "hostname"], ["extra.", "tag", "validate_to_none"],
            ["source.asn", "asn", "invalidate_zero"], ["source.geolocation.cc", "geo"],
            ["source.geolocation.region", "region"], ["source.geolocation.city", "city"],
            ["extra.source.naics", "naics", "invalidate_zero"], ["extra.source.sector", "sector", "validate_to_none"],
            ["extra.", "http", "validate_to_none"], ["extra.", "http_code", "convert_int"],
            ["extra.", "http_reason", "validate_to_none"], ["extra.", "content_type", "validate_to_none"],
            ["extra.", "server", "validate_to_none"], ["source.url", "source_url"],
            ["event_description.text", "detail", "validate_to_none"]]
SCHEMA = {"_meta": {"date_created": "2026-01-01T00:00:00Z", "change_log": []}, "lab_http": {
    "feed_name": "Lab-HTTP", "file_name": "lab_http", "url": "https://feeds.example/lab-http",
    "constant_fields": {"classification.type": "vulnerable-system", "classification.identifier": "open-http",
                        "protocol.application": "http"},
    "required_fields": REQUIRED, "optional_fields": OPTIONAL}}
COLUMNS = [column for _, column, *_ in REQUIRED + OPTIONAL]


def report(rows, start):
    """Makes a report of rows that all differ, also from those of other reports."""
    lines = [",".join(f'"{column}"' for column in COLUMNS)]
    for number in range(start, start + rows):
        ip = f"203.0.113.{number % 256}"
        values = {
            "timestamp": f"2026-01-{1 + number % 28:02} {number % 24:02}:{number % 60:02}:{number % 59:02}", "ip": ip,
            "port": 1024 + number % 60000, "severity": ["low", "medium", "high", "critical"][number % 4],
            "protocol": "tcp", "hostname": f"host-{number}.example.net", "tag": "http;lab", "asn": 64496 + number % 16,
            "geo": ["AT", "DE", "PL", "CZ"][number % 4], "region": "REGION", "city": "Sample City", "naics": 0,
            "sector": "Communications", "http": "HTTP/1.1", "http_code": 200, "http_reason": "OK",
            "content_type": "text/html; charset=utf-8", "server": "nginx/1.25.3",
            "source_url": f"http://host-{number}.example.net:8080/app/{number}/index.php?id={number}",
            "detail": f"directory listing of the sample application number {number}",
        }
        lines.append(",".join(f'"{values[column]}"' for column in COLUMNS))
    return "\n".join(lines) + "\n"


def runtime(folder, redis_port=None):
    """Returns the botnet as a runtime file (JSON is YAML too)."""
    bots = {}
    names = ["collector", *CHAIN]
    for name, following in zip(names, [*names[1:], None]):
        parameters = {"destination_queues": {"_default": [f"{following}-queue"]}} if following else {}
        if name == "collector":
            parameters |= {"path": f"{folder}/in/", "postfix": ".csv", "delete_file": True, "rate_limit": 1,
                           "name": "Lab", "provider": "Lab"}
        elif name == "deduplicator":
            parameters |= {"filter_keys": "raw,time.observation", "filter_type": "blacklist"}
        elif name == "output":
            parameters |= {"file": f"{folder}/out/events.txt"}
        bots[name] = {"bot_id": name, "module": MODULES[name], "group": GROUPS.get(name, "Expert"), "name": name,
                      "description": name, "enabled": True, "run_mode": "continuous", "parameters": parameters}
    general = {"logging_level": "INFO", "statistics_port": redis_port or 6379}
    if redis_port:
        general |= {"source_pipeline_port": redis_port, "destination_pipeline_port": redis_port,
                    "redis_cache_port": redis_port}
    return json.dumps({"global": general, **bots}, indent=2)


def memory(pid, which="VmRSS"):
    """Returns the resident memory of a process in MB: now, or at most so far with `VmHWM`."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) / 1024
    return 0


def lines_in(path):
    try:
        with open(path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except FileNotFoundError:
        return 0


def prepare(folder):
    for sub in ["in", "out", "etc", "state"]:
        (folder / sub).mkdir(parents=True, exist_ok=True)
