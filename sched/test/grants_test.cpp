// What the system grants: CPU quotas of cgroups, in trees of files that stand for those of real systems.
#include <gtest/gtest.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "sched/os/cgroup.hpp"

namespace {

namespace fs = std::filesystem;

// A folder that stands for /.
class fake_root {
 public:
  fake_root() {
    std::string name = testing::TempDir() + "heddle_root_XXXXXX";
    at_ = mkdtemp(name.data());
  }
  ~fake_root() { fs::remove_all(at_); }
  fake_root(const fake_root &) = delete;
  fake_root &operator=(const fake_root &) = delete;
  void put(const std::string &path, const std::string &text) const {
    fs::create_directories(fs::path(at_ + path).parent_path());
    std::ofstream(at_ + path) << text;
  }
  std::int32_t cpus() const { return heddle::detail::cpus_by_cgroup(at_.c_str()); }

 private:
  std::string at_;
};

constexpr const char *v2_mount =
    "25 30 0:23 / /sys rw shared:7 - sysfs sysfs rw\n"
    "31 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 master:3 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(CgroupV2, the_quota_of_the_process_s_own_cgroup) {
  const fake_root root;
  root.put("/proc/self/cgroup", "0::/user.slice/app.scope\n");
  root.put("/proc/self/mountinfo", v2_mount);
  root.put("/sys/fs/cgroup/user.slice/app.scope/cpu.max", "350000 100000\n");
  EXPECT_EQ(root.cpus(), 4);
}

TEST(CgroupV2, the_least_of_all_that_are_above) {
  const fake_root root;
  root.put("/proc/self/cgroup", "0::/a/b/c/d\n");
  root.put("/proc/self/mountinfo", v2_mount);
  root.put("/sys/fs/cgroup/a/b/c/d/cpu.max", "max 100000\n");
  root.put("/sys/fs/cgroup/a/b/cpu.max", "900000 100000\n");
  EXPECT_EQ(root.cpus(), 9);
  root.put("/sys/fs/cgroup/a/cpu.max", "250000 50000\n");
  EXPECT_EQ(root.cpus(), 5);
  root.put("/sys/fs/cgroup/a/b/c/cpu.max", "300000 100000\n");
  EXPECT_EQ(root.cpus(), 3);
}

TEST(CgroupV2, of_a_container_with_a_namespace) {
  const fake_root root;
  root.put("/proc/self/cgroup", "0::/\n");
  root.put("/proc/self/mountinfo", v2_mount);
  root.put("/sys/fs/cgroup/cpu.max", "600000 100000\n");
  EXPECT_EQ(root.cpus(), 6);
}

// The name is the host's, and what is mounted is the container's own cgroup.
TEST(CgroupV2, of_a_container_without_a_namespace) {
  const fake_root root;
  root.put("/proc/self/cgroup", "0::/system.slice/docker-abc.scope/worker\n");
  root.put("/proc/self/mountinfo",
           "31 25 0:26 /system.slice/docker-abc.scope /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n");
  root.put("/sys/fs/cgroup/cpu.max", "500000 100000\n");
  EXPECT_EQ(root.cpus(), 5);
  root.put("/sys/fs/cgroup/worker/cpu.max", "250000 100000\n");
  EXPECT_EQ(root.cpus(), 3);
}

// A neighbour's name that begins alike is not above this one.
TEST(CgroupV2, of_a_mount_that_shows_another_cgroup) {
  const fake_root root;
  root.put("/proc/self/cgroup", "0::/system.slice/docker-abcdef.scope\n");
  root.put("/proc/self/mountinfo", "31 25 0:26 /system.slice/docker-abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  root.put("/sys/fs/cgroup/def.scope/cpu.max", "300000 100000\n");
  root.put("/sys/fs/cgroup/cpu.max", "700000 100000\n");
  EXPECT_EQ(root.cpus(), 7);
}

TEST(CgroupV2, that_lies_outside_the_namespace) {
  const fake_root root;
  root.put("/proc/self/cgroup", "0::/../../elsewhere\n");
  root.put("/proc/self/mountinfo", v2_mount);
  root.put("/sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(root.cpus(), 4);
}

TEST(CgroupV2, that_is_mounted_elsewhere) {
  const fake_root root;
  root.put("/proc/self/cgroup", "0::/app\n");
  root.put("/proc/self/mountinfo", "31 25 0:26 / /my\\040groups rw - cgroup2 none rw\n");
  root.put("/my groups/app/cpu.max", "800000 100000\n");
  EXPECT_EQ(root.cpus(), 8);
}

constexpr const char *v1_cgroup =
    "11:cpuset:/elsewhere\n"
    "5:cpu,cpuacct:/docker/0123/worker\n"
    "1:name=systemd:/docker/0123\n"
    "0::/\n";

void put_v1(const fake_root &root, const std::string &folder, const char *quota, const char *period) {
  root.put(folder + "/cpu.cfs_quota_us", quota);
  root.put(folder + "/cpu.cfs_period_us", period);
}

TEST(CgroupV1, below_the_root_and_the_least_of_all_above) {
  const fake_root root;
  root.put("/proc/self/cgroup", v1_cgroup);
  root.put("/proc/self/mountinfo",
           "33 32 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
           "34 32 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:10 - cgroup cgroup rw,cpu,cpuacct\n");
  put_v1(root, "/sys/fs/cgroup/cpu,cpuacct", "-1\n", "100000\n");
  EXPECT_EQ(root.cpus(), INT_MAX);
  put_v1(root, "/sys/fs/cgroup/cpu,cpuacct/docker/0123/worker", "-1\n", "100000\n");
  put_v1(root, "/sys/fs/cgroup/cpu,cpuacct/docker/0123", "450000\n", "100000\n");
  EXPECT_EQ(root.cpus(), 5);
  put_v1(root, "/sys/fs/cgroup/cpu,cpuacct/docker", "150000\n", "50000\n");
  EXPECT_EQ(root.cpus(), 3);
}

TEST(CgroupV1, of_a_container_without_a_namespace) {
  const fake_root root;
  root.put("/proc/self/cgroup", v1_cgroup);
  root.put("/proc/self/mountinfo", "34 32 0:31 /docker/0123 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpuacct,cpu\n");
  put_v1(root, "/sys/fs/cgroup/cpu", "400000\n", "100000\n");
  EXPECT_EQ(root.cpus(), 4);
}

TEST(Cgroup, the_least_of_both_versions) {
  const fake_root root;
  root.put("/proc/self/cgroup", v1_cgroup);
  root.put("/proc/self/mountinfo",
           "34 32 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
           "41 32 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  put_v1(root, "/sys/fs/cgroup/cpu/docker", "700000\n", "100000\n");
  root.put("/sys/fs/cgroup/unified/cpu.max", "800000 100000\n");
  EXPECT_EQ(root.cpus(), 7);
  root.put("/sys/fs/cgroup/unified/cpu.max", "600000 100000\n");
  EXPECT_EQ(root.cpus(), 6);
}

TEST(Cgroup, numbers_are_rounded_up_and_never_below_two) {
  const fake_root root;
  root.put("/proc/self/cgroup", "0::/\n");
  root.put("/proc/self/mountinfo", v2_mount);
  for (const auto &[text, cpus] : {std::pair{"1000 100000", 2},
                                   {"200001 100000", 3},
                                   {"max 100000", INT_MAX},
                                   {"0 100000", INT_MAX},
                                   {"5 0", INT_MAX},
                                   {"", INT_MAX},
                                   {"nonsense", INT_MAX},
                                   {"9223372036854775807 1", INT_MAX}}) {
    root.put("/sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(root.cpus(), cpus) << text;
  }
}

TEST(Cgroup, nothing_that_can_be_read_is_no_quota) {
  const fake_root root;
  EXPECT_EQ(root.cpus(), INT_MAX);
  root.put("/proc/self/cgroup", "garbage\n::::\n0:\n");
  root.put("/proc/self/mountinfo", "garbage\n1 2 3\n - \n");
  EXPECT_EQ(root.cpus(), INT_MAX);
}

// Without mountinfo the places are the usual ones.
TEST(Cgroup, where_the_mounts_cannot_be_read) {
  const fake_root root;
  root.put("/proc/self/cgroup", "0::/app\n");
  root.put("/sys/fs/cgroup/app/cpu.max", "300000 100000");
  EXPECT_EQ(root.cpus(), 3);
}

TEST(Cgroup, of_this_process_is_at_least_two) { EXPECT_GE(heddle::detail::cpus_by_cgroup(), 2); }

}  // namespace
