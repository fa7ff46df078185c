import { proxy } from 'comlink';
import type { ImageService } from './image-service.ts';
import type {
  ArrivingFile,
  DownloadReader,
  FilesRequest,
  FolderListing,
  ImageCallsApi,
  ImageList,
  ImageOutcome,
  UploadProgress,
  UploadRequest,
} from './protocol.ts';

/** The page's calls about disk images. */
export abstract class ImageCalls implements ImageCallsApi {
  protected abstract readonly images: ImageService;

  listImages(): Promise<ImageList> {
    return this.images.list();
  }

  lookAtFile(file: Blob, fileName: string): Promise<ArrivingFile> {
    return this.images.lookAt(file, fileName);
  }

  uploadImage(
    request: UploadRequest,
    file: Blob,
    onProgress: (progress: UploadProgress) => void,
  ): Promise<ImageOutcome> {
    return this.images.upload(request, file, onProgress);
  }

  storeFiles(request: FilesRequest, onProgress: (progress: UploadProgress) => void): Promise<ImageOutcome> {
    return this.images.storeFiles(request, onProgress);
  }

  cancelUpload(uploadId: number): void {
    this.images.cancelUpload(uploadId);
  }

  createImage(path: string, sizeBytes: number): Promise<ImageOutcome> {
    return this.images.create(path, sizeBytes);
  }

  renameImage(from: string, to: string): Promise<ImageOutcome> {
    return this.images.rename(from, to);
  }

  deleteImage(path: string): Promise<ImageOutcome> {
    return this.images.delete(path);
  }

  downloadImage(path: string): DownloadReader {
    return proxy(this.images.download(path));
  }

  listFiles(path: string, folder: readonly string[]): Promise<FolderListing> {
    return this.images.listFiles(path, folder);
  }

  downloadFile(path: string, names: readonly string[]): DownloadReader {
    return proxy(this.images.downloadFile(path, names));
  }

  flushImages(): Promise<void> {
    return this.images.flush();
  }
}
