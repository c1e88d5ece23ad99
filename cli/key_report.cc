#include "cli/key_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/hex.h"
#include "ima/key_id.h"

namespace jet::cli {
namespace {

std::string KeyIdOrNothing(const pki::Certificate& certificate) {
  const absl::StatusOr<ima::KeyId> key_id = ima::KeyIdOf(certificate);
  return key_id.ok() ? ima::KeyIdText(*key_id) : std::string();
}

const char* KeyUsageText(const pki::Certificate& certificate) {
  if (!certificate.has_key_usage()) return "any (not restricted)";
  return certificate.allows_digital_signature() ? "digital signature" : "no digital signature";
}

std::string PrivateKeyText(const keystore::StoredKey& key) {
  if (!key.private_key_uri.empty()) return absl::StrCat("in a token: ", key.private_key_uri);
  return key.has_private_key ? "in the keystore" : "none (verify only)";
}

const char* RecordText(bool authenticated) {
  return authenticated ? "authenticated by master.key"
                       : "not authenticated (the store key is not at hand)";
}

const char* OriginText(keystore::KeyOrigin origin) {
  return origin == keystore::KeyOrigin::kGenerated ? "generated" : "imported";
}

}  // namespace

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

int64_t DaysLeft(const pki::Certificate& certificate, absl::Time now) {
  return absl::ToInt64Hours(certificate.not_after() - now) / 24;
}

std::string ValidityText(const pki::Certificate& certificate, absl::Time now) {
  const std::string until = TimeText(certificate.not_after());
  if (now > certificate.not_after()) return absl::StrCat(until, " (expired)");
  return absl::StrCat(until, " (", DaysLeft(certificate, now), " days left)");
}

std::string SubjectKeyIdentifierText(const pki::Certificate& certificate) {
  const auto& identifier = certificate.subject_key_identifier();
  return identifier.has_value() ? base::HexEncode(*identifier) : std::string();
}

std::string InKeyringText(absl::optional<bool> in_keyring) {
  if (!in_keyring.has_value()) return "unknown";
  return *in_keyring ? "yes" : "no";
}

Fields KeyFields(const keystore::StoredKey& key) {
  return {{"Key Name", key.name},
          {"X509 Cert Path", key.certificate_path},
          {"Key SKI", SubjectKeyIdentifierText(key.certificate)}};
}

Fields DetailedKeyFields(const keystore::StoredKey& key, absl::optional<bool> in_keyring) {
  const pki::Certificate& certificate = key.certificate;
  const absl::StatusOr<std::string> fingerprint = certificate.Fingerprint();
  Fields fields = KeyFields(key);
  fields.insert(fields.end(),
                {{"Key ID", KeyIdOrNothing(certificate)},
                 {"Key Type", certificate.public_key().type().name},
                 {"Private Key", PrivateKeyText(key)},
                 {"Subject", certificate.subject()},
                 {"Issuer", certificate.issuer()},
                 {"Serial Number", certificate.serial()},
                 {"Valid From", TimeText(certificate.not_before())},
                 {"Valid Until", ValidityText(certificate, absl::Now())},
                 {"Certificate Authority", certificate.is_ca() ? "yes" : "no"},
                 {"Key Usage", KeyUsageText(certificate)},
                 {"SHA-256 Fingerprint", fingerprint.value_or(std::string())},
                 {"SHA-1 Fingerprint",
                  certificate.Fingerprint(crypto::HashAlgorithm::kSha1).value_or(std::string())},
                 {"In Keyring", InKeyringText(in_keyring)},
                 {"Record", RecordText(key.record_authenticated)},
                 {"Origin", absl::StrCat(OriginText(key.origin), " ", TimeText(key.created))}});
  return fields;
}

Json KeyObject(const keystore::StoredKey& key, absl::optional<bool> in_keyring) {
  const pki::Certificate& certificate = key.certificate;
  const absl::StatusOr<std::string> fingerprint = certificate.Fingerprint();
  Json object;
  object["type"] = "key";
  object["name"] = key.name;
  object["state"] = "certified";
  object["x509_cert_path"] = key.certificate_path;
  object["ski"] = SubjectKeyIdentifierText(certificate);
  object["key_id"] = KeyIdOrNothing(certificate);
  object["key_type"] = certificate.public_key().type().name;
  object["private_key"] = key.has_private_key;
  if (!key.private_key_uri.empty()) object["private_key_uri"] = key.private_key_uri;
  object["subject"] = certificate.subject();
  object["issuer"] = certificate.issuer();
  object["serial"] = certificate.serial();
  object["not_before"] = TimeText(certificate.not_before());
  object["not_after"] = TimeText(certificate.not_after());
  object["days_left"] = DaysLeft(certificate, absl::Now());
  object["ca"] = certificate.is_ca();
  object["fingerprint_sha256"] = fingerprint.value_or(std::string());
  object["record_authenticated"] = key.record_authenticated;
  object["origin"] = OriginText(key.origin);
  object["created"] = TimeText(key.created);
  object["in_keyring"] = in_keyring.has_value() ? Json(*in_keyring) : Json(nullptr);
  return object;
}

Fields KeyFields(const keystore::WaitingKey& key) {
  return {{"Key Name", key.name},
          {"State", "waits for its certificate"},
          {"Request Path", key.request_path},
          {"Subject", key.request.subject_text()},
          {"Key Type", key.request.public_key().type().name},
          {"Record", RecordText(key.record_authenticated)},
          {"Origin", absl::StrCat(OriginText(key.origin), " ", TimeText(key.created))}};
}

Json KeyObject(const keystore::WaitingKey& key) {
  Json object;
  object["type"] = "key";
  object["name"] = key.name;
  object["state"] = "waiting";
  object["request_path"] = key.request_path;
  object["subject"] = key.request.subject_text();
  object["key_type"] = key.request.public_key().type().name;
  object["private_key"] = true;
  object["record_authenticated"] = key.record_authenticated;
  object["origin"] = OriginText(key.origin);
  object["created"] = TimeText(key.created);
  return object;
}

}  // namespace jet::cli
