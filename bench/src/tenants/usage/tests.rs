use super::*;

fn place() -> Place {
    Place {
        endpoint: "http://127.0.0.1:4566".to_owned(),
        port: "4566".to_owned(),
        cluster: "/run/cluster".to_owned(),
        function: "rotation-secret2eks".to_owned(),
    }
}

#[test]
fn each_part_of_this_testbed_is_recognised_and_no_part_of_another() {
    let function = |name: &str, port: &str, stream: &str| {
        format!(
            "AWS_LAMBDA_FUNCTION_NAME={name}\0AWS_ENDPOINT_URL=http://127.0.0.1:{port}\0AWS_LAMBDA_LOG_STREAM_NAME={stream}\0"
        )
    };
    for (arguments, variables, expected) in [
        ("/bin/python\0-m\0launcher\0", "GATEWAY_PORT=4566\0".to_owned(), Some(Part::Emulator)),
        ("/bin/python\0-m\0launcher\0", "GATEWAY_PORT=45661\0".to_owned(), None),
        ("/tmp/bootstrap\0", function("rotation-secret2eks", "4566", "x"), Some(Part::Secret2Eks)),
        ("/tmp/bootstrap\0", function("rotation-dlq-handler", "4566", "x"), Some(Part::OtherFunctions)),
        ("/tmp/bootstrap\0", function("rotation-secret2eks", "4566", "bench"), None),
        ("/tmp/bootstrap\0", function("rotation-secret2eks", "9999", "x"), None),
        ("/b/etcd\0--data-dir\0/run/cluster/etcd\0", String::new(), Some(Part::Etcd)),
        ("/b/etcd\0--data-dir\0/run/other/etcd\0", String::new(), None),
        ("setpriv\0--\0/b/etcd\0--data-dir\0/run/cluster/etcd\0", String::new(), None),
        ("/b/kube-apiserver\0--cert-dir=/run/cluster/generated\0", String::new(), Some(Part::ApiServer)),
        (
            "/b/external-secrets\0--concurrent=10\0",
            "KUBECONFIG=/run/cluster/operator.kubeconfig\0".to_owned(),
            Some(Part::Operator),
        ),
        (
            "/b/kube-controller-manager\0--kubeconfig=/run/cluster/c\0",
            String::new(),
            Some(Part::GarbageCollector),
        ),
        ("/b/token-webhook\0-aws\0http://127.0.0.1:4566\0", String::new(), Some(Part::TokenWebhook)),
        ("", String::new(), None),
    ] {
        assert_eq!(classify(arguments, &variables, &place()), expected, "{arguments} {variables}");
    }
}

#[test]
fn the_cpu_time_and_the_start_of_a_process_are_read_after_its_name() {
    let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 98765 1 2 3";
    assert_eq!(stat_in(stat), Some((200, 98_765)));
    assert_eq!(stat_in("7 (a) S 1"), None);
}

#[test]
fn the_time_of_a_part_counts_from_the_earlier_moment() {
    let at = Instant::now();
    let totals =
        |machine, parts: &[(Part, u64)], at| Totals { at, machine, parts: parts.iter().copied().collect() };
    let before = totals(100, &[(Part::Etcd, 10)], at);
    let after = totals(300, &[(Part::Etcd, 15), (Part::Secret2Eks, 7)], at + Duration::from_secs(2));
    let used = after.since(&before);
    assert_eq!((used.time_ms, used.machine_ms), (2_000, 2_000));
    assert_eq!(used.parts, [(Part::Etcd, 50), (Part::Secret2Eks, 70)].into());
}
