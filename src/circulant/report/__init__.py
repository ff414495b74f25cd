"""Parts of every page the commands write: markup, numbers, scales, pictures, policy. One offline file each."""
