/* encryption.c - AES-256: with a password, and with a key of 32 bytes and a random IV.
   A key that is the UTF-16LE of 16 characters is, for 7-Zip, the password of these characters. */

#include "check.h"

#define CHARACTERS "sixteen letters!"

static void random_bytes(Byte *bytes, size_t size)
{
  FILE *file = fopen("/dev/urandom", "rb");
  CHECK(file != NULL);
  CHECK(fread(bytes, 1, size, file) == size);
  fclose(file);
}

/* The archive's one entry must be this text. */
static void check_content(ParallelArchiveHandle archive, const char *text, size_t text_size)
{
  ParallelEntryC entry;
  void *content;
  size_t size;
  memset(&entry, 0, sizeof(entry));
  entry.StructSize = sizeof(entry);
  CHECK_RESULT(ParallelArchive_GetEntry(archive, 0, &entry), S_OK);
  CHECK((entry.Flags & PARALLEL_ENTRY_ENCRYPTED) != 0);
  CHECK(wcsstr(entry.Method, L"7zAES") != NULL);
  CHECK_RESULT(ParallelArchive_ReadEntry(archive, 0, 0, &content, &size), S_OK);
  CHECK(size == text_size && memcmp(content, text, size) == 0);
  free(content);
}

static void expect_encrypted(const char *directory, const char *archive, const char *text, size_t size,
    const char *password)
{
  char name[64], path[PATH_CHARS];
  expect_entry(directory, archive, "secret.txt", text, size);
  snprintf(name, sizeof(name), "%s.password", archive);
  write_file(join_path(path, directory, name), password, strlen(password));
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  static char text[20000];
  ParallelInputItemC item;
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  ParallelArchiveHandle archive;
  wchar_t output[PATH_CHARS];
  Byte key[32], iv[16];
  int i;

  fill_text(text, sizeof(text), 7);
  memset(&item, 0, sizeof(item));
  item.Data = text;
  item.DataSize = sizeof(text);
  item.Name = L"secret.txt";

  /* A password, as 7-Zip's -p and -mhe. */
  CHECK_RESULT(ParallelCompressor_SetPassword(compressor, L"correct horse"), S_OK);
  join_wide(output, directory, "password.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, &item, 1, output), S_OK);
  expect_encrypted(directory, "password.7z", text, sizeof(text), "correct horse");
  CHECK_RESULT(ParallelArchive_Open(output, NULL, &archive), PARALLEL_E_PASSWORD_REQUIRED);
  CHECK(archive == NULL);
  CHECK_RESULT(ParallelArchive_Open(output, L"wrong horse", &archive), PARALLEL_E_WRONG_PASSWORD);
  CHECK_RESULT(ParallelArchive_Open(output, L"correct horse", &archive), S_OK);
  check_content(archive, text, sizeof(text));
  ParallelArchive_Close(archive);

  /* The same with names that anyone can list. */
  CHECK_RESULT(ParallelCompressor_SetEncryptNames(compressor, 0), S_OK);
  join_wide(output, directory, "open_names.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, &item, 1, output), S_OK);
  expect_encrypted(directory, "open_names.7z", text, sizeof(text), "correct horse");
  {
    void *content;
    size_t size;
    UInt32 count = 0;
    CHECK_RESULT(ParallelArchive_Open(output, NULL, &archive), S_OK);
    CHECK_RESULT(ParallelArchive_GetNumEntries(archive, &count), S_OK);
    CHECK(count == 1);
    CHECK_RESULT(ParallelArchive_ReadEntry(archive, 0, 0, &content, &size), PARALLEL_E_PASSWORD_REQUIRED);
    CHECK(content == NULL && size == 0);
    ParallelArchive_Close(archive);
  }
  CHECK_RESULT(ParallelCompressor_SetEncryptNames(compressor, 1), S_OK);

  /* A key and a fresh IV. It replaces the password. */
  for (i = 0; i < 16; i++)
  {
    key[2 * i] = (Byte)CHARACTERS[i];
    key[2 * i + 1] = 0;
  }
  random_bytes(iv, sizeof(iv));
  CHECK_RESULT(ParallelCompressor_SetEncryption(compressor, key, 32, iv, 16), S_OK);
  join_wide(output, directory, "key.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, &item, 1, output), S_OK);
  expect_encrypted(directory, "key.7z", text, sizeof(text), CHARACTERS);
  CHECK_RESULT(ParallelArchive_OpenWithKey(output, key, 32, &archive), S_OK);
  check_content(archive, text, sizeof(text));
  ParallelArchive_Close(archive);
  CHECK_RESULT(ParallelArchive_Open(output, L"sixteen letters!", &archive), S_OK);
  check_content(archive, text, sizeof(text));
  ParallelArchive_Close(archive);
  key[0] ^= 1;
  CHECK_RESULT(ParallelArchive_OpenWithKey(output, key, 32, &archive), PARALLEL_E_WRONG_PASSWORD);

  /* What is no key and IV for AES-256 is refused. */
  CHECK_RESULT(ParallelCompressor_SetEncryption(compressor, key, 16, iv, 16), E_INVALIDARG);
  CHECK_RESULT(ParallelCompressor_SetEncryption(compressor, key, 32, NULL, 0), E_INVALIDARG);
  CHECK_RESULT(ParallelCompressor_SetEncryption(compressor, key, 32, key + 16, 16), E_INVALIDARG);

  /* No encryption any more. */
  CHECK_RESULT(ParallelCompressor_SetEncryption(compressor, NULL, 0, NULL, 0), S_OK);
  join_wide(output, directory, "plain.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, &item, 1, output), S_OK);
  expect_entry(directory, "plain.7z", "secret.txt", text, sizeof(text));
  ParallelCompressor_Destroy(compressor);
  printf("encryption: done\n");
  return 0;
}
