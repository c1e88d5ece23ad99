#include "base/permission.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>

#include "tests/base/child.h"
#include "tests/base/file_flags.h"
#include "tests/base/scratch_folder.h"

namespace jet::base {
namespace {

using test::InChild;
using test::kNeedsRoot;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kNeedsRootWord[] = "changing security.ima needs root (CAP_SYS_ADMIN)";
constexpr char kNamespaceWord[] = "this process is in a user namespace";

std::string YesNo(bool yes) { return yes ? "yes" : "no"; }

class PermissionTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << kNeedsRoot; }

  const test::ScratchFolder folder_;
  const UniqueFd fd_ = test::Open(folder_.Write("file", "content"), O_RDONLY);
};

TEST_F(PermissionTest, RootHasTheCapabilitiesAndNobodyHasNot) {
  EXPECT_TRUE(HasCapSysAdmin());
  EXPECT_TRUE(HasCapIpcLock());
  EXPECT_EQ(InChild([] {
              test::BecomeUser(test::kNobody);
              return YesNo(HasCapSysAdmin() || HasCapIpcLock());
            }),
            "no");
}

TEST_F(PermissionTest, TheInitialUserNamespaceIsKnown) {
  EXPECT_TRUE(InInitialUserNamespace());
  // A process that changed its user or that may not be dumped owns less of its /proc folder.
  EXPECT_EQ(InChild([] {
              test::BecomeUser(test::kNobody);
              return YesNo(InInitialUserNamespace());
            }),
            "yes");
  EXPECT_EQ(InChild([] {
              (void)prctl(PR_SET_DUMPABLE, 0);
              test::BecomeUser(test::kNobody);
              return YesNo(InInitialUserNamespace());
            }),
            "yes");
}

TEST_F(PermissionTest, AnotherUserNamespaceIsKnown) {
  for (const uid_t user : {uid_t{0}, uid_t{1000}}) {
    EXPECT_EQ(InChild([user] {
                if (user != 0) test::BecomeUser(user);
                test::EnterUserNamespace();
                return YesNo(HasCapSysAdmin()) + "," + YesNo(InInitialUserNamespace());
              }),
              "yes,no")
        << user;
  }
}

// Puts an empty file system over /proc.
void HideProc() {
  test::EnterPrivateMounts();
  if (mount("none", "/proc", "tmpfs", 0, nullptr) != 0) throw std::runtime_error("mount");
}

TEST_F(PermissionTest, AKernelWithoutUserNamespacesHasTheInitialOneOnly) {
  EXPECT_EQ(InChild([] {
              HideProc();
              std::filesystem::create_directories("/proc/self/ns");
              return YesNo(InInitialUserNamespace());
            }),
            "yes");
}

TEST_F(PermissionTest, WithoutProcNoUserNamespaceIsTakenForTheInitialOne) {
  EXPECT_EQ(InChild([] {
              HideProc();
              return YesNo(InInitialUserNamespace());
            }),
            "no");
}

TEST_F(PermissionTest, WithoutProcNothingIsSaidOfTheUserNamespace) {
  for (const bool inside : {false, true}) {
    EXPECT_THAT(InChild([this, inside] {
                  if (inside) test::EnterUserNamespace();
                  HideProc();
                  if (OwnUserNamespace() != UserNamespace::kUnknown) return std::string("known");
                  return ExplainXattrRefusal(fd_.get(), EPERM);
                }),
                StartsWith("Operation not permitted; no flag or capability explains it: either a "
                           "security module does, or this process is in a user namespace"))
        << inside;
  }
  EXPECT_THAT(InChild([this] {
                HideProc();
                test::BecomeUser(test::kNobody);
                return ExplainXattrRefusal(fd_.get(), EPERM);
              }),
              StartsWith(kNeedsRootWord));
}

TEST_F(PermissionTest, AnImmutableFileIsNamed) {
  const test::FileFlags flags(fd_.get(), FS_IMMUTABLE_FL);
  EXPECT_THAT(ExplainXattrRefusal(fd_.get(), EPERM), StartsWith("the file is immutable"));
}

TEST_F(PermissionTest, AnAppendOnlyFileIsNamed) {
  const test::FileFlags flags(fd_.get(), FS_APPEND_FL);
  EXPECT_THAT(ExplainXattrRefusal(fd_.get(), EPERM), StartsWith("the file is append-only"));
}

TEST_F(PermissionTest, WithoutRootTheWayOutIsDetached) {
  const std::string text = InChild([this] {
    test::BecomeUser(test::kNobody);
    return ExplainXattrRefusal(fd_.get(), EPERM);
  });
  EXPECT_THAT(text, StartsWith(kNeedsRootWord));
  EXPECT_THAT(text, HasSubstr("--detached"));
}

TEST_F(PermissionTest, InAUserNamespaceEvenRootIsTold) {
  for (const uid_t user : {uid_t{0}, uid_t{1000}}) {
    const std::string text = InChild([this, user] {
      if (user != 0) test::BecomeUser(user);
      test::EnterUserNamespace();
      return ExplainXattrRefusal(fd_.get(), EPERM);
    });
    EXPECT_THAT(text, StartsWith(kNamespaceWord)) << user;
    EXPECT_THAT(text, HasSubstr("--detached"));
  }
}

TEST_F(PermissionTest, TheFlagOfTheFileComesBeforeTheProcess) {
  const test::FileFlags flags(fd_.get(), FS_IMMUTABLE_FL);
  EXPECT_THAT(InChild([this] {
                test::BecomeUser(test::kNobody);
                return ExplainXattrRefusal(fd_.get(), EPERM);
              }),
              StartsWith("the file is immutable"));
}

TEST_F(PermissionTest, WithNothingElseInTheWayEaccesIsImasRefusal) {
  EXPECT_THAT(ExplainXattrRefusal(fd_.get(), EACCES),
              StartsWith("the kernel's IMA refused the value"));
}

TEST_F(PermissionTest, WhereNothingWasFoundItSaysSo) {
  EXPECT_THAT(ExplainXattrRefusal(fd_.get(), EPERM),
              StartsWith("Operation not permitted; no flag, capability or namespace explains it"));
}

}  // namespace
}  // namespace jet::base
