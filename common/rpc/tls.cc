#include "common/rpc/tls.h"

#include <absl/strings/str_cat.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "common/base/status_macros.h"
#include "common/sys/file.h"

namespace tcpfleet::rpc {
namespace {

constexpr size_t kLargestPemFile = size_t{1} << 20;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

absl::StatusOr<std::string> ReadPem(absl::string_view flag, const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "TLS needs --tls-ca, --tls-cert and --tls-key together; ", flag, " is missing"));
  }
  absl::StatusOr<std::string> pem = sys::ReadFile(path, kLargestPemFile);
  if (!pem.ok())
    return absl::InvalidArgumentError(absl::StrCat(flag, ": ", pem.status().message()));
  return pem;
}

Bio Reader(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
}

absl::StatusOr<Certificate> ParseCertificate(absl::string_view flag, const std::string& path) {
  TF_ASSIGN_OR_RETURN(const std::string pem, ReadPem(flag, path));
  Certificate certificate(PEM_read_bio_X509(Reader(pem).get(), nullptr, nullptr, nullptr),
                          &X509_free);
  if (!certificate) {
    return absl::InvalidArgumentError(absl::StrCat(flag, ": ", path, " holds no PEM certificate"));
  }
  return certificate;
}

}  // namespace

absl::Status CheckTlsFiles(const TlsFiles& files) {
  if (!files.enabled()) return absl::OkStatus();
  TF_RETURN_IF_ERROR(ParseCertificate("--tls-ca", files.ca).status());
  TF_ASSIGN_OR_RETURN(const Certificate certificate, ParseCertificate("--tls-cert", files.cert));
  TF_ASSIGN_OR_RETURN(const std::string key_pem, ReadPem("--tls-key", files.key));
  const Key key(PEM_read_bio_PrivateKey(Reader(key_pem).get(), nullptr, nullptr, nullptr),
                &EVP_PKEY_free);
  if (!key) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tls-key: ", files.key, " holds no PEM private key"));
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--tls-key: ", files.key, " is not the key of the certificate in ", files.cert));
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::rpc
