/* files.c - files and directories into an archive: by path alone, under another name, with metadata of one's own. */

#include "check.h"

#include <utime.h>

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  static char text[100000];
  char first[PATH_CHARS], second[PATH_CHARS], folder[PATH_CHARS], out[PATH_CHARS];
  wchar_t first_wide[PATH_CHARS], second_wide[PATH_CHARS], folder_wide[PATH_CHARS], output[PATH_CHARS];
  ParallelInputItemC items[3];
  ParallelItemC full[3];
  ParallelRunC run;
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  struct utimbuf times = { 1600000000, 1600000000 };
  struct stat status;

  fill_text(text, sizeof(text), 1);
  write_file(join_path(first, directory, "first.txt"), text, sizeof(text));
  write_file(join_path(second, directory, "second.txt"), text, 5000);
  CHECK(utime(first, &times) == 0 && chmod(first, 0640) == 0);
  join_path(folder, directory, "folder");
  CHECK(mkdir(folder, 0777) == 0 || errno == EEXIST);

  /* The short form. Times and attributes are the files' own. */
  memset(items, 0, sizeof(items));
  items[0].FilePath = join_wide(first_wide, directory, "first.txt"); /* stored as first.txt */
  items[1].FilePath = join_wide(second_wide, directory, "second.txt");
  items[1].Name = L"renamed/second.txt";
  items[2].FilePath = join_wide(folder_wide, directory, "folder");
  join_wide(output, directory, "files.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, 3, output), S_OK);

  expect_entry(directory, "files.7z", "first.txt", text, sizeof(text));
  expect_entry(directory, "files.7z", "renamed/second.txt", text, 5000);
  join_path(out, directory, "files.7z.expected/folder");
  CHECK(mkdir(out, 0777) == 0 || errno == EEXIST);

  /* The full form: metadata of one's own, and a directory that is nowhere on the disk. */
  memset(full, 0, sizeof(full));
  full[0].StructSize = full[1].StructSize = full[2].StructSize = sizeof(ParallelItemC);
  full[0].Name = L"empty";
  full[0].Attributes = 0x10;
  full[1].Name = L"script.sh";
  full[1].FilePath = second_wide;
  full[1].Attributes = 0x8000u | (UInt32)0100755 << 16; /* the unix mode, in the high half */
  full[2].Name = L"note.txt";
  full[2].Data = "a note\n";
  full[2].DataSize = 7;
  full[2].ModificationTime = 116444736000000000ull + 1600000000ull * 10000000ull; /* a unix time as a FILETIME */
  memset(&run, 0, sizeof(run));
  run.StructSize = sizeof(run);
  run.Items = full;
  run.NumItems = 3;
  run.OutputPath = join_wide(output, directory, "metadata.7z");
  CHECK_RESULT(ParallelCompressor_Run(compressor, &run), S_OK);
  ParallelCompressor_Destroy(compressor);

  expect_entry(directory, "metadata.7z", "script.sh", text, 5000);
  expect_entry(directory, "metadata.7z", "note.txt", "a note\n", 7);
  join_path(out, directory, "metadata.7z.expected/empty");
  CHECK(mkdir(out, 0777) == 0 || errno == EEXIST);

  /* Back again: modes and times are as they were given. */
  {
    ParallelArchiveHandle archive;
    wchar_t destination[PATH_CHARS];
    ParallelExtractC options;
    memset(&options, 0, sizeof(options));
    options.StructSize = sizeof(options);
    options.Overwrite = PARALLEL_OVERWRITE_REPLACE;
    CHECK_RESULT(ParallelArchive_Open(output, NULL, &archive), S_OK);
    CHECK_RESULT(ParallelArchive_Extract(archive, join_wide(destination, directory, "restored"), &options), S_OK);
    ParallelArchive_Close(archive);
    CHECK_RESULT(ParallelArchive_Open(join_wide(output, directory, "files.7z"), NULL, &archive), S_OK);
    CHECK_RESULT(ParallelArchive_Extract(archive, destination, &options), S_OK);
    ParallelArchive_Close(archive);
  }
  CHECK(stat(join_path(out, directory, "restored/script.sh"), &status) == 0);
  CHECK((status.st_mode & 0777) == 0755);
  CHECK(stat(join_path(out, directory, "restored/note.txt"), &status) == 0 && status.st_mtime == 1600000000);
  CHECK(stat(join_path(out, directory, "restored/first.txt"), &status) == 0 && status.st_mtime == 1600000000);
  CHECK((status.st_mode & 0777) == 0640);
  printf("files: done\n");
  return 0;
}
