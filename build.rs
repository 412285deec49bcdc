//! Builds again when a playbook or a sample comes or goes: the folders are built into the program.

fn main() {
    println!("cargo:rerun-if-changed=playbooks");
    println!("cargo:rerun-if-changed=sample-data");
}
