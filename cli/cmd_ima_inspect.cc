#include <fcntl.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/xattr.h"
#include "cli/command.h"
#include "cli/option_parser.h"
#include "ima/signature.h"

namespace jet::cli {
namespace {

const char* TypeText(uint8_t type) {
  switch (static_cast<ima::XattrType>(type)) {
    case ima::XattrType::kDigest:
      return "digest (md5 or sha1)";
    case ima::XattrType::kEvmHmac:
      return "EVM HMAC";
    case ima::XattrType::kSignature:
      return "signature";
    case ima::XattrType::kDigestNg:
      return "digest";
    case ima::XattrType::kEvmPortable:
      return "EVM portable signature";
    case ima::XattrType::kVeritySignature:
      return "signature of an fs-verity digest";
  }
  return "unknown";
}

Fields FieldsOf(const std::string& path, const ima::DecodedXattr& decoded, size_t size) {
  Fields fields = {{"File", path}, {"Size", absl::StrCat(size, " bytes")}};
  if (decoded.type.has_value()) {
    fields.emplace_back("Type",
                        absl::StrFormat("0x%02x (%s)", *decoded.type, TypeText(*decoded.type)));
  }
  if (decoded.version.has_value()) {
    fields.emplace_back("Signature Version", absl::StrCat(*decoded.version));
  }
  if (decoded.hash_id.has_value()) {
    fields.emplace_back("Hash Algorithm",
                        absl::StrCat(ima::KernelHashName(*decoded.hash_id).value_or("unknown"),
                                     " (", *decoded.hash_id, ")"));
  }
  if (decoded.key_id.has_value()) {
    fields.emplace_back("Key ID", ima::KeyIdText(*decoded.key_id));
  }
  if (decoded.stated_size.has_value()) {
    fields.emplace_back("Stated Size", absl::StrCat(*decoded.stated_size, " bytes"));
  }
  if (!decoded.payload.empty()) {
    fields.emplace_back(decoded.is_signature() ? "Signature" : "Digest",
                        base::HexEncode(decoded.payload));
  }
  fields.emplace_back("Defect", decoded.defect == ima::XattrDefect::kNone
                                    ? std::string("none")
                                    : ima::DescribeDefect(decoded));
  return fields;
}

template <typename T>
Json NumberOrNull(const absl::optional<T>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

Json ObjectOf(const std::string& path, const ima::DecodedXattr& decoded, size_t size) {
  const bool sound = decoded.defect == ima::XattrDefect::kNone;
  Json object;
  object["type"] = "file";
  AddPath(object, path);
  object["xattr_size"] = size;
  object["xattr_type"] = NumberOrNull(decoded.type);
  object["signature_version"] = NumberOrNull(decoded.version);
  object["hash_id"] = NumberOrNull(decoded.hash_id);
  object["hash_algorithm"] = decoded.hash_id.has_value()
                                 ? NumberOrNull(ima::KernelHashName(*decoded.hash_id))
                                 : Json(nullptr);
  object["key_id"] =
      decoded.key_id.has_value() ? Json(ima::KeyIdText(*decoded.key_id)) : Json(nullptr);
  object["stated_size"] = NumberOrNull(decoded.stated_size);
  object[decoded.is_signature() ? "signature" : "digest"] = base::HexEncode(decoded.payload);
  object["defect"] = sound ? Json(nullptr) : Json(ima::DescribeDefect(decoded));
  return object;
}

absl::StatusOr<ExitStatus> InspectFile(Session& session, const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::UniqueFd fd, base::OpenAt(AT_FDCWD, path, O_RDONLY));
  JET_ASSIGN_OR_RETURN(const absl::optional<base::Bytes> value,
                       base::GetXattr(fd.get(), base::kSecurityIma));
  if (!value.has_value()) {
    Json object;
    object["type"] = "file";
    AddPath(object, path);
    object["xattr_size"] = nullptr;
    session.output.Object(object);
    session.output.Result({path, "no security.ima", "", Tone::kBad});
    return ExitStatus::kNo;
  }
  const ima::DecodedXattr decoded = ima::DecodeXattr(*value);
  session.output.Object(ObjectOf(path, decoded, value->size()));
  session.output.Labelled(FieldsOf(path, decoded, value->size()));
  return decoded.defect == ima::XattrDefect::kNone ? ExitStatus::kGood : ExitStatus::kNo;
}

absl::StatusOr<ExitStatus> RunInspect(Session& session, const std::vector<std::string>& paths) {
  ExitStatus worst = ExitStatus::kGood;
  bool first = true;
  for (const std::string& path : paths) {
    if (!first) session.output.Line("");
    first = false;
    const absl::StatusOr<ExitStatus> status = InspectFile(session, path);
    if (!status.ok()) session.output.Error(absl::StrCat(path, ": ", status.status().message()));
    worst = std::max(worst, status.ok() ? *status : ExitStatus::kCouldNotDo);
  }
  return worst;
}

}  // namespace

RunFunction DeclareImaInspect(OptionParser& parser) {
  auto paths = std::make_shared<std::vector<std::string>>();
  parser.Value("FILE", *paths, "", "Files").Required();
  return [paths](Session& session) { return RunInspect(session, *paths); };
}

}  // namespace jet::cli
