#include "base/system_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using absl::StatusCode;
using test::StatusIs;

struct MappingRow {
  int error_number;
  StatusCode code;
};

constexpr MappingRow kMapping[] = {
    {ENODATA, StatusCode::kNotFound},         {ENOKEY, StatusCode::kNotFound},
    {ENOENT, StatusCode::kNotFound},          {EKEYREJECTED, StatusCode::kPermissionDenied},
    {EPERM, StatusCode::kPermissionDenied},   {EACCES, StatusCode::kPermissionDenied},
    {EBADMSG, StatusCode::kInvalidArgument},  {EINVAL, StatusCode::kInvalidArgument},
    {ENOPKG, StatusCode::kUnimplemented},     {EOPNOTSUPP, StatusCode::kUnimplemented},
    {EEXIST, StatusCode::kAlreadyExists},     {ENOSPC, StatusCode::kResourceExhausted},
    {EMFILE, StatusCode::kResourceExhausted}, {EROFS, StatusCode::kPermissionDenied},
    {EAGAIN, StatusCode::kUnavailable},
};

TEST(SystemErrorTest, MapsEveryErrnoToItsCodeAndKeepsItsText) {
  for (const MappingRow& row : kMapping) {
    const absl::Status status = SystemError(row.error_number, "cannot do it");
    EXPECT_THAT(status, StatusIs(row.code,
                                 absl::StrCat("cannot do it: ", std::strerror(row.error_number))));
    EXPECT_EQ(ErrnoOf(status), row.error_number);
  }
}

TEST(SystemErrorTest, NoErrnoIsUnauthenticated) {
  // The code that means "the signature does not match" must never come from the system.
  for (int error_number = 1; error_number <= 133; ++error_number) {
    const absl::Status status = SystemError(error_number, "x");
    EXPECT_FALSE(status.ok()) << error_number;
    EXPECT_NE(status.code(), StatusCode::kUnauthenticated) << error_number;
    EXPECT_EQ(ErrnoOf(status), error_number);
  }
}

TEST(SystemErrorTest, ErrnoOfAStatusFromElsewhereIsZero) {
  EXPECT_EQ(ErrnoOf(absl::OkStatus()), 0);
  EXPECT_EQ(ErrnoOf(absl::NotFoundError("no such file")), 0);
  absl::Status nonsense = absl::NotFoundError("x");
  nonsense.SetPayload("jet/errno", absl::Cord("two"));
  EXPECT_EQ(ErrnoOf(nonsense), 0);
}

TEST(SystemErrorTest, AnnotateKeepsCodeAndErrno) {
  const absl::Status status = Annotate(SystemError(ENODATA, "cannot read"), "'a file'");
  EXPECT_THAT(status, StatusIs(StatusCode::kNotFound, "'a file': cannot read: No data available"));
  EXPECT_EQ(ErrnoOf(status), ENODATA);
  EXPECT_EQ(ErrnoOf(Annotate(status, "outer")), ENODATA);
}

TEST(SystemErrorTest, AnnotateLeavesOkAlone) { EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok()); }

}  // namespace
}  // namespace jet::base
