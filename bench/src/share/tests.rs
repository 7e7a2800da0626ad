use super::*;

#[test]
fn a_share_is_the_part_of_1769_mb() {
    assert_eq!([128, 256, 512, 1_024, 1_769].map(quota_us), [1_447, 2_894, 5_788, 11_577, 20_000]);
    assert!((percent(128) - 7.2).abs() < 0.05);
}

#[test]
fn the_own_group_comes_before_those_above_it() {
    let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
                  cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n\
                  cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n\
                  cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
    let found = places(mounts, "3:cpuset:/x\n2:cpu,cpuacct:/box\n0::/user/app\n");
    let found: Vec<_> = found.iter().map(|(version, path)| (*version, path.to_str().unwrap())).collect();
    let v2 = "/sys/fs/cgroup/unified";
    assert_eq!(
        found,
        [
            (Version::V1, "/sys/fs/cgroup/cpu,cpuacct/box"),
            (Version::V1, "/sys/fs/cgroup/cpu,cpuacct"),
            (Version::V2, format!("{v2}/user/app").as_str()),
            (Version::V2, format!("{v2}/user").as_str()),
            (Version::V2, v2),
        ]
    );
    assert!(places("proc /proc proc rw 0 0\n", "0::/\n").is_empty());
}

#[test]
fn a_group_of_version_2_needs_the_controller_and_is_given_it() {
    let folder = testbed::scratch::folder(&std::env::temp_dir(), "shares").unwrap();
    let file = |name: &str| folder.join(name);
    fs::write(file("cgroup.controllers"), "memory pids\n").unwrap();
    let places = [(Version::V2, folder.clone())];
    let error = Shares::find_in(&places).unwrap_err().to_string();
    assert!(error.ends_with("it has no controller `cpu`"), "{error}");
    fs::write(file("cgroup.controllers"), "cpu memory\n").unwrap();
    fs::write(file("cgroup.subtree_control"), "memory\n").unwrap();
    assert!(enable(&folder).unwrap());
    assert_eq!(fs::read_to_string(file("cgroup.subtree_control")).unwrap(), "+cpu");
    fs::write(file("cgroup.subtree_control"), "cpu\n").unwrap();
    assert!(!enable(&folder).unwrap());
    let shares = Shares { parent: folder.clone(), version: Version::V2, enabled: false };
    let group = shares.group(128).unwrap();
    assert_eq!(fs::read_to_string(group.folder.join("cpu.max")).unwrap(), "1447 20000");
    group.admit(7).unwrap();
    assert_eq!(fs::read_to_string(group.folder.join("cgroup.procs")).unwrap(), "7");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn where_no_group_can_be_made_the_reason_is_told() {
    let error = Shares::find_in(&[]).unwrap_err().to_string();
    assert!(error.contains("is mounted"), "{error}");
    let error = Shares::find_in(&[(Version::V1, PathBuf::from("/nowhere"))]).unwrap_err().to_string();
    assert!(error.contains("/nowhere: no group can be created"), "{error}");
}
