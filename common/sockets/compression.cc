#include "common/sockets/compression.h"

#include <absl/strings/str_cat.h>

#include "common/base/check.h"

namespace tcpfleet::sockets {

std::string Compress(absl::string_view plain, int level, ZSTD_CCtx* context) {
  if (plain.empty()) return {};
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const size_t size =
      ZSTD_compressCCtx(context, packed.data(), packed.size(), plain.data(), plain.size(), level);
  TF_CHECK(!ZSTD_isError(size));  // the output cannot be too small
  packed.resize(size);
  packed.shrink_to_fit();
  return packed;
}

absl::StatusOr<std::string> Decompress(absl::string_view packed, size_t size) {
  if (packed.empty() && size == 0) return std::string();
  if (ZSTD_getFrameContentSize(packed.data(), packed.size()) != size) {
    return absl::DataLossError(absl::StrCat("rows_zstd is not a zstd frame of ", size, " bytes"));
  }
  std::string plain(size, '\0');
  const size_t got = ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size());
  if (ZSTD_isError(got)) {
    return absl::DataLossError(absl::StrCat("rows_zstd: ", ZSTD_getErrorName(got)));
  }
  if (got != size) {
    return absl::DataLossError(absl::StrCat("rows_zstd holds ", got, " bytes, not ", size));
  }
  return plain;
}

}  // namespace tcpfleet::sockets
