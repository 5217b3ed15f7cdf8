mod known;
mod media;
mod streamed;
