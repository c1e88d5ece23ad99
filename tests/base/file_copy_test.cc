#include "base/file_copy.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/xattr.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr size_t kLimit = 64 << 20;

// linux/posix_acl_xattr.h: rwx for the owner, r for user 12, nothing for the others.
const Bytes kAcl = {2,  0, 0, 0,                           // version
                    1,  0, 7, 0, 0xff, 0xff, 0xff, 0xff,   // user::rwx
                    2,  0, 4, 0, 12,   0,    0,    0,      // user:12:r--
                    4,  0, 0, 0, 0xff, 0xff, 0xff, 0xff,   // group::---
                    16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,   // mask::r--
                    32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};  // other::---
// linux/capability.h: cap_net_raw+ep, revision 2.
const Bytes kCapability = {1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

class FileCopyTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }

  std::string source() const { return folder_.Path("source"); }
  std::string copy() const { return folder_.Path("copy"); }

  static struct stat StatusOf(const std::string& path) {
    const UniqueFd fd = test::Open(path, O_RDONLY);
    return ValueOf(StatDescriptor(fd.get(), path));
  }

  static void Set(const std::string& path, const char* name, const Bytes& value) {
    const UniqueFd fd = test::Open(path, O_RDONLY);
    ASSERT_THAT(SetXattr(fd.get(), name, value), IsOk()) << name;
  }
  static absl::optional<Bytes> Get(const std::string& path, const char* name) {
    const UniqueFd fd = test::Open(path, O_RDONLY);
    return ValueOf(GetXattr(fd.get(), name));
  }

  absl::Status CopyBytes(uint64_t size) const {
    folder_.Write("copy", "", 0600);
    const UniqueFd from = test::Open(source(), O_RDONLY);
    const UniqueFd to = test::Open(copy(), O_RDWR);
    return CopyData(from.get(), to.get(), size, "source");
  }
  absl::Status CopyBytes() const {
    return CopyBytes(static_cast<uint64_t>(StatusOf(source()).st_size));
  }

  std::vector<std::string> CopyAll() const {
    if (!CopyBytes().ok()) return {"the data"};
    const UniqueFd from = test::Open(source(), O_RDONLY);
    const UniqueFd to = test::Open(copy(), O_RDWR);
    return CopyAttributes(from.get(), StatusOf(source()), to.get());
  }

  test::ScratchFolder folder_;
};

TEST_F(FileCopyTest, CopiesEveryByte) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, size_t{3000001}}) {
    std::string content(size, 'x');
    for (size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7 + i / 251);
    folder_.Write("source", content);
    ASSERT_THAT(CopyBytes(), IsOk());
    EXPECT_EQ(ValueOf(ReadFile(copy(), kLimit)), ValueOf(ReadFile(source(), kLimit)));
  }
}

TEST_F(FileCopyTest, HolesStayHoles) {
  folder_.Write("source", "begin");
  constexpr off_t kSize = 32 << 20;
  {
    const UniqueFd fd = test::Open(source(), O_RDWR);
    ASSERT_EQ(pwrite(fd.get(), "middle", 6, kSize / 2), 6);
    ASSERT_EQ(ftruncate(fd.get(), kSize), 0);
  }
  ASSERT_THAT(CopyBytes(), IsOk());
  EXPECT_EQ(ValueOf(ReadFile(copy(), kLimit)), ValueOf(ReadFile(source(), kLimit)));
  EXPECT_LT(StatusOf(copy()).st_blocks * 512, kSize / 4);
}

TEST_F(FileCopyTest, FileThatBecameShorterIsNoCopy) {
  folder_.Write("source", "12345");
  EXPECT_THAT(CopyBytes(6), StatusIs(absl::StatusCode::kAborted, HasSubstr("shorter")));
  EXPECT_THAT(CopyBytes(6000000), StatusIs(absl::StatusCode::kAborted, HasSubstr("shorter")));
}

TEST_F(FileCopyTest, FullDiskIsSaid) {
  const std::string result = test::InChild([&] {
    test::EnterPrivateMounts();
    folder_.MakeFolder("small");
    const std::string command =
        absl::StrCat("mount -t tmpfs -o size=64k none '", folder_.Path("small"), "'");
    if (system(command.c_str()) != 0) return std::string("no mount");
    folder_.Write("source", std::string(1 << 20, 'x'));
    folder_.Write("small/copy", "");
    const UniqueFd from = test::Open(source(), O_RDONLY);
    const UniqueFd to = test::Open(folder_.Path("small/copy"), O_RDWR);
    return std::string(CopyData(from.get(), to.get(), 1 << 20, "source").message());
  });
  EXPECT_THAT(result, HasSubstr("No space left on device"));
}

TEST_F(FileCopyTest, EverythingComesAlong) {
  folder_.Write("source", "content");
  ASSERT_EQ(chown(source().c_str(), 12, 34), 0);
  Set(source(), "user.note", {1, 2, 3});
  Set(source(), "system.posix_acl_access", kAcl);
  Set(source(), "security.capability", kCapability);
  Set(source(), kSecurityIma, {3, 2, 4, 0, 0, 0, 0, 0, 0});
  const timespec times[] = {{1000, 1}, {2000, 999999999}};
  ASSERT_EQ(utimensat(AT_FDCWD, source().c_str(), times, 0), 0);
  EXPECT_THAT(CopyAll(), IsEmpty());
  const struct stat copied = StatusOf(copy());
  EXPECT_EQ(copied.st_uid, 12U);
  EXPECT_EQ(copied.st_gid, 34U);
  EXPECT_EQ(copied.st_mode, StatusOf(source()).st_mode);
  EXPECT_EQ(copied.st_mtim.tv_sec, 2000);
  EXPECT_EQ(copied.st_mtim.tv_nsec, 999999999);
  EXPECT_EQ(Get(copy(), "user.note"), Bytes({1, 2, 3}));
  EXPECT_EQ(Get(copy(), "system.posix_acl_access"), kAcl);
  EXPECT_EQ(Get(copy(), "security.capability"), kCapability);
  EXPECT_FALSE(Get(copy(), kSecurityIma).has_value());
}

TEST_F(FileCopyTest, SetIdBitsComeAlongWithTheOwner) {
  folder_.Write("source", "content");
  ASSERT_EQ(chown(source().c_str(), 12, 34), 0);
  ASSERT_EQ(chmod(source().c_str(), 06755), 0);
  EXPECT_THAT(CopyAll(), IsEmpty());
  EXPECT_EQ(StatusOf(copy()).st_mode & 07777U, 06755U);
}

// A folder may give its new files an ACL, which the source does not have.
TEST_F(FileCopyTest, AclOfTheFolderIsNotKept) {
  Set(folder_.path(), "system.posix_acl_default", kAcl);
  folder_.Write("source", "content", 0640);
  const UniqueFd clean = test::Open(source(), O_RDONLY);
  ASSERT_THAT(RemoveXattr(clean.get(), "system.posix_acl_access"), IsOk());
  ASSERT_EQ(fchmod(clean.get(), 0640), 0);
  EXPECT_THAT(CopyAll(), IsEmpty());
  EXPECT_FALSE(Get(copy(), "system.posix_acl_access").has_value());
  EXPECT_EQ(StatusOf(copy()).st_mode & 07777U, 0640U);
}

TEST_F(FileCopyTest, WhatAnOrdinaryUserCannotKeepIsNamed) {
  folder_.Write("source", "content");
  ASSERT_EQ(chown(source().c_str(), 12, 34), 0);
  ASSERT_EQ(chmod(source().c_str(), 04755), 0);
  Set(source(), "security.capability", kCapability);
  Set(source(), "user.note", {1});
  ASSERT_EQ(chmod(folder_.path().c_str(), 0777), 0);
  const std::string losses = test::InChild([&] {
    test::BecomeUser(test::kNobody);
    return absl::StrJoin(CopyAll(), "\n");
  });
  EXPECT_THAT(losses, HasSubstr("owner 12:34: Operation not permitted"));
  EXPECT_THAT(losses, HasSubstr("set-ID bits"));
  EXPECT_THAT(losses, HasSubstr("security.capability"));
  EXPECT_EQ(Get(copy(), "user.note"), Bytes({1}));
  EXPECT_EQ(StatusOf(copy()).st_mode & 07777U, 0755U);
}

// fchmod(2) says nothing when it leaves the bit out.
TEST_F(FileCopyTest, SetGroupIdBitThatIsNotGivenIsNamed) {
  folder_.Write("source", "content");
  ASSERT_EQ(chown(source().c_str(), test::kNobody, 34), 0);
  ASSERT_EQ(chmod(source().c_str(), 02755), 0);
  ASSERT_THAT(CopyBytes(), IsOk());
  ASSERT_EQ(chown(copy().c_str(), test::kNobody, 34), 0);
  const std::string losses = test::InChild([&] {
    const UniqueFd from = test::Open(source(), O_RDONLY);
    const UniqueFd to = test::Open(copy(), O_RDWR);
    test::BecomeUser(test::kNobody);
    return absl::StrJoin(CopyAttributes(from.get(), StatusOf(source()), to.get()), "\n");
  });
  EXPECT_EQ(losses, "mode 2755: it became 755");
}

TEST_F(FileCopyTest, DefaultAclOfTheFolderAboveIsNotKept) {
  Set(folder_.path(), "system.posix_acl_default", kAcl);
  folder_.MakeFolder("source");
  folder_.MakeFolder("copy");
  const UniqueFd from = test::Open(source(), O_RDONLY);
  const UniqueFd to = test::Open(copy(), O_RDONLY);
  ASSERT_THAT(RemoveXattr(from.get(), "system.posix_acl_default"), IsOk());
  ASSERT_THAT(RemoveXattr(from.get(), "system.posix_acl_access"), IsOk());
  EXPECT_THAT(CopyAttributes(from.get(), StatusOf(source()), to.get()), IsEmpty());
  EXPECT_FALSE(Get(copy(), "system.posix_acl_default").has_value());
  EXPECT_FALSE(Get(copy(), "system.posix_acl_access").has_value());
}

TEST_F(FileCopyTest, SameAttributesAreToldFromOthers) {
  folder_.Write("source", "content", 0640);
  Set(source(), "user.note", {1, 2});
  ASSERT_THAT(CopyAll(), IsEmpty());
  const auto same = [this] {
    return HasSameAttributes(test::Open(source(), O_RDONLY).get(),
                             test::Open(copy(), O_RDONLY).get());
  };
  EXPECT_TRUE(same());
  Set(copy(), kSecurityIma, {3, 2, 4, 0, 0, 0, 0, 0, 0});
  EXPECT_TRUE(same()) << "a signature is of one file";
  Set(copy(), "user.note", {1, 3});
  EXPECT_FALSE(same());
  ASSERT_THAT(CopyAll(), IsEmpty());
  Set(copy(), "user.more", {1});
  EXPECT_FALSE(same());
  ASSERT_EQ(unlink(copy().c_str()), 0);
  ASSERT_THAT(CopyAll(), IsEmpty());
  EXPECT_TRUE(same());
  ASSERT_EQ(chmod(copy().c_str(), 0600), 0);
  EXPECT_FALSE(same());
  ASSERT_EQ(chmod(copy().c_str(), 0640), 0);
  ASSERT_EQ(chown(copy().c_str(), 0, 5), 0);
  EXPECT_FALSE(same());
  ASSERT_EQ(chown(copy().c_str(), 0, 0), 0);
  EXPECT_TRUE(same());
  ASSERT_EQ(utimensat(AT_FDCWD, copy().c_str(), nullptr, 0), 0);
  EXPECT_FALSE(same());
}

}  // namespace
}  // namespace jet::base
