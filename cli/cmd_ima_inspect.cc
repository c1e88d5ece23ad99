#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file_selection.h"
#include "base/hex.h"
#include "base/xattr.h"
#include "cli/command.h"
#include "cli/file_options.h"
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

// Decodes the attribute of every selected file.
class Inspector : public base::FileSelectionObserver {
 public:
  explicit Inspector(Output& output) : output_(output) {}

  void OnSelected(base::SelectedFile file) override {
    const absl::StatusOr<absl::optional<base::Bytes>> value =
        base::GetXattr(file.fd.get(), base::kSecurityIma);
    if (!value.ok()) {
      OnError(file.path, value.status());
      return;
    }
    if (!first_) output_.Line("");
    first_ = false;
    if (!value->has_value()) {
      PrintAbsent(file.path);
      return;
    }
    const ima::DecodedXattr decoded = ima::DecodeXattr(**value);
    output_.Object(ObjectOf(file.path, decoded, (*value)->size()));
    output_.Labelled(FieldsOf(file.path, decoded, (*value)->size()));
    if (decoded.defect != ima::XattrDefect::kNone) Note(ExitStatus::kNo);
  }

  void OnSkipped(const std::string& /*path*/, base::SkipReason /*reason*/, int /*fd*/) override {}

  void OnNotEntered(const std::string& /*path*/) override {}

  void OnError(const std::string& path, const absl::Status& error) override {
    output_.Error(absl::StrCat(NameForMessage(path), ": ", error.message()));
    Note(ExitStatus::kCouldNotDo);
  }

  ExitStatus status() const { return status_; }

 private:
  void Note(ExitStatus status) { status_ = std::max(status_, status); }

  void PrintAbsent(const std::string& path) {
    Json object;
    object["type"] = "file";
    AddPath(object, path);
    object["xattr_size"] = nullptr;
    output_.Object(object);
    output_.Result({path, "no security.ima", "", Tone::kBad});
    Note(ExitStatus::kNo);
  }

  Output& output_;
  bool first_ = true;
  ExitStatus status_ = ExitStatus::kGood;
};

absl::StatusOr<ExitStatus> RunInspect(Session& session, const std::vector<std::string>& paths,
                                      bool recursive) {
  base::FileSelectionOptions selection;
  selection.any_file = true;
  selection.recursive = recursive;
  selection.cross_file_systems = true;
  selection.named_links = base::NamedLinks::kFollow;
  Inspector inspector(session.output);
  base::SelectFiles(paths, selection, inspector);
  return inspector.status();
}

}  // namespace

RunFunction DeclareImaInspect(OptionParser& parser) {
  struct InspectOptions {
    std::vector<std::string> paths;
    bool recursive = false;
  };
  auto options = std::make_shared<InspectOptions>();
  parser.Value("FILE", options->paths, "", "Files, and with -r folders").Required();
  parser.Flag("-r,--recursive", options->recursive, "Walk folders");
  return [options](Session& session) {
    return RunInspect(session, options->paths, options->recursive);
  };
}

}  // namespace jet::cli
